// How a test of the page measures colours, as script for the browser: `rgb(...layers)` and `contrast(node)` by WCAG.

export const COLOURS = `
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const rgb = (...layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (node) => {
    const grounds = [];
    for (let n = node; n; n = n.parentElement) grounds.unshift(getComputedStyle(n).backgroundColor);
    const [a, b] = [luminance(rgb(...grounds, getComputedStyle(node).color)), luminance(rgb(...grounds))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
`;
