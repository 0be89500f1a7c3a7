// What pages do beyond HTML. Nothing depends on it: without it the same is reached by forms and links.

// Copy buttons.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    try {
      await navigator.clipboard.writeText(from ? from.value : button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
      button.previousElementSibling?.select?.();
    }
    setTimeout(() => (button.textContent = label), 2000);
  });
}

// A mail says what stands in its fields now, changed or not.
for (const link of document.querySelectorAll("a[data-mail]")) {
  link.addEventListener("click", () => {
    const said = (id) => encodeURIComponent(document.getElementById(id)?.value.replace(/\r?\n/g, "\r\n") ?? "");
    link.href = `mailto:?subject=${said("subject")}&body=${said("body")}`;
  });
}

// The first field that was refused.
document.querySelector("[aria-invalid]")?.focus();

// A private page is not shown again out of the browser's memory: whoever comes back to it may have signed out.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  document.documentElement.hidden = true;
  location.reload();
});
