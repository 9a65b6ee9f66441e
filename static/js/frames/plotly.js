// Draws one figure in a frame of its own origin. What the figure says is data: only its traces and its layout are read.
const box = document.getElementById("drawn");

const refuse = () => {
  const words = document.createElement("p");
  words.textContent = box.dataset.failed;
  box.replaceChildren(words);
};

const read = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    // Python writes numbers that JSON has not; inside of texts the same letters stay. A text without an end goes to the end, or each
    // quote in it would be tried as the begin of another.
    return JSON.parse(text.replace(/("(?:[^"\\]|\\[^]?)*(?:"|$))|-?\b(?:NaN|Infinity)\b/g, (_all, words) => words ?? "null"));
  }
};

try {
  const { data, layout } = read(JSON.parse(document.getElementById("figure").textContent));
  const sized = { ...layout, autosize: true, width: undefined, height: undefined };
  const options = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "" };
  Plotly.newPlot(box, data, sized, options).catch(refuse);
} catch {
  refuse();
}
