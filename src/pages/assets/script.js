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

// The first field that was refused.
document.querySelector("[aria-invalid]")?.focus();
