// Loaded into a process that must not outlive the one that started it (node --import): stops its whole process group as
// soon as its parent is gone, however it ended. If loaded through NODE_OPTIONS, child processes inherit it.
const parent = process.ppid;
setInterval(() => {
  // 0 is the group, so that child processes that are not Node stop as well.
  if (process.ppid !== parent) process.kill(0, "SIGKILL");
}, 500).unref();
