// Home: tiny charts for the rows in sight, asked for together once the page stands, and the word that is searched for
// in the address.

const waiting = new Set();
let isAsking = false;

const place = (fragment) => {
  let count = 0;
  for (const drawn of fragment.querySelectorAll("[data-spark-of]")) {
    const cell = document.querySelector(`[data-spark="${CSS.escape(drawn.dataset.sparkOf)}"]`);
    waiting.delete(drawn.dataset.sparkOf);
    cell?.replaceChildren(...drawn.childNodes);
    count += 1;
  }
  return count;
};

// The server draws as many as it can in a moment; the others are asked for again, as long as it draws any.
const ask = async () => {
  const box = document.querySelector("[data-sparks]");
  if (isAsking || !box || !waiting.size) return;
  isAsking = true;
  try {
    while (waiting.size) {
      const some = [...waiting].slice(0, Number(box.dataset.atOnce));
      const answer = await fetch(`${box.dataset.sparks}?${some.map((id) => `project=${id}`).join("&")}`);
      if (!answer.ok || !place(new DOMParser().parseFromString(await answer.text(), "text/html"))) { waiting.clear(); break; }
    }
  } catch {
    waiting.clear(); // the server is away: the ledger stands without pictures
  } finally {
    isAsking = false;
  }
};

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    waiting.add(target.dataset.spark);
  }
  ask();
}, { rootMargin: "120px" });

const watch = () => { for (const cell of document.querySelectorAll("[data-spark]:empty")) seen.observe(cell); };
watch();
// htmx brings the rows that are left of a search.
document.addEventListener("htmx:afterSettle", watch);

const word = document.querySelector("[data-keeps-word]");
word?.addEventListener("input", () => {
  const here = new URL(location.href);
  if (word.value.trim()) here.searchParams.set("q", word.value); else here.searchParams.delete("q");
  history.replaceState(history.state, "", here);
});
word?.form.addEventListener("submit", (event) => { if (globalThis.htmx) event.preventDefault(); });
