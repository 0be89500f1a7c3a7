// Loaded into a process that must not outlive whoever started it (node --import): ends its whole process group as soon as
// its parent is gone, however that ended. Also inherited by the processes it starts, where it comes by NODE_OPTIONS.
const parent = process.ppid;
setInterval(() => {
  // 0 is the group: what was started by something that is no Node ends as well.
  if (process.ppid !== parent) process.kill(0, "SIGKILL");
}, 500).unref();
