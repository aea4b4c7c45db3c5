// What JavaScript adds; every page does without it. No data of anybody is kept here.
"use strict";

// A form is sent once: the second tap finds the button busy. (Without this the form's key makes sure of it.)
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent === "yes") return event.preventDefault();
  if (form.method !== "post") return;
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
  }
});

// Copy a token, a reference, a link.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.querySelector("[data-said]").textContent = button.dataset.done;
});
const offerCopying = () => { for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard; };
offerCopying();
document.addEventListener("htmx:afterSwap", offerCopying);

// Say when the network is gone, and when it is back.
const gone = document.getElementById("gone");
const look = () => { if (gone) gone.hidden = navigator.onLine; };
window.addEventListener("online", look);
window.addEventListener("offline", look);
look();

if ("serviceWorker" in navigator && window.isSecureContext) navigator.serviceWorker.register("/sw.js");

// What a button pays is what stands in the field above it; a chip that was chosen is in sight.
const sayAmounts = () => {
  for (const button of document.querySelectorAll("[data-pays]")) {
    const typed = button.form.elements.amount.value.trim();
    const amount = /^[\d.,\s]+$/.test(typed) ? button.dataset.sign + typed : "";
    button.querySelector("[data-said]").textContent = [button.dataset.pays, amount].join(" ").trim();
  }
};
document.addEventListener("input", sayAmounts);
sayAmounts();
for (const chip of document.querySelectorAll(".chips [aria-current]")) {
  const row = chip.parentElement;
  row.scrollLeft = chip.offsetLeft - row.offsetLeft - (row.clientWidth - chip.offsetWidth) / 2;
}
