// Small drawn portraits: a head, hair, clothes and one thing of their own, and a face that shows what a reply expresses.
// Whoever is not in the table gets a monogram and a colour made from the name.

const NS = 'http://www.w3.org/2000/svg';
const s = (tag, attributes = {}, ...children) => {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
};
const path = (d, fill, more = {}) => s('path', { d, fill, ...more });
const disc = (cx, cy, r, fill, more = {}) => s('circle', { cx, cy, r, fill, ...more });
const stroke = (d, colour, width = 2) =>
  path(d, 'none', { stroke: colour, 'stroke-width': width, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' });

const INK = '#2a1a26';

const LOOKS = {
  vivienne: {
    hue: 4,
    skin: '#f3cfb8',
    shade: '#dfae93',
    lips: '#b3274c',
    brow: '#8d8193',
    behind: () => [path('M25 46C22 24 36 14 49 14c15 0 26 12 23 33-1 10-4 14-8 17H32c-4-4-6-9-7-18Z', '#dcd5e2')],
    clothes: () => [
      path('M10 97c2-19 17-26 38-26s36 7 38 26Z', '#54183a'),
      path('M36 71c2 8 7 12 12 12s10-4 12-12l-6-3H42Z', '#f3cfb8'),
      ...[37, 42.2, 48, 53.8, 59].map((x, i) => disc(x, 74 + [0, 4, 5.6, 4, 0][i], 2.3, '#fff7ee')),
    ],
    before: () => [
      path('M29 46c-1-14 7-21 17-22 13-1 22 7 22 22-4-10-9-14-16-14-8 0-18 3-23 14Z', '#efeaf3'),
      path('M8 31c10-7 26-11 41-10 16 1 30 7 39 16-11-3-24-5-39-5-16 0-30 1-41-1Z', '#7d1f45'),
      path('M29 25c0-12 8-19 19-19s21 8 22 22c-14-5-28-6-41-3Z', '#9c2a57'),
      path('M29 21c14-3 27-2 41 3l0 4c-14-5-28-6-41-3Z', '#f2b632'),
      path('M66 23c4-12 12-18 22-19-2 9-8 17-18 22Z', '#f6d9e3'),
      stroke('M67 23c5-8 11-13 18-17', '#d79ab2', 1.2),
      disc(30.5, 55, 2.4, '#f2b632'),
      disc(65.5, 55, 2.4, '#f2b632'),
    ],
  },
  barnaby: {
    hue: 238,
    skin: '#e9b795',
    shade: '#d19a76',
    brow: '#f4f1ee',
    mouthY: 60,
    behind: () => [],
    clothes: () => [
      path('M10 97c2-19 17-26 38-26s36 7 38 26Z', '#1d3a57'),
      path('M33 72c3-4 8-6 15-6s12 2 15 6l-2 8c-8 4-18 4-26 0Z', '#294c6f'),
    ],
    beforeFace: () => [path('M29 43c-1 24 8 38 19 38s20-14 19-38c-3 8-7 10-12 10H41c-5 0-9-2-12-10Z', '#f4f1ee')],
    before: () => [
      path('M38 55c3-4 7-4 10-2 3-2 7-2 10 2-3 2-7 2-10 1-3 1-7 1-10-1Z', '#e3dedb'),
      path('M23 27C23 13 35 8 48 8s25 5 25 19l-3 6H26Z', '#1d3a57'),
      path('M26 27h44v7H26Z', '#132a41'),
      path('M25 33c14 4 32 4 46 0l-2 6c-13 4-29 4-42 0Z', '#0d1f31'),
      disc(48, 22, 5, '#f2b632'),
      stroke('M48 19.4v5.4m-2.6-2.2c.2 1.6 1.2 2.2 2.6 2.2s2.400-.6 2.600-2.200', '#132a41', 1.2),
    ],
  },
  delia: {
    hue: 38,
    skin: '#c98e66',
    shade: '#ab7350',
    lips: '#a33b3b',
    brow: '#2c1a20',
    behind: () => [path('M22 48C18 20 32 10 48 10s30 10 26 38c-1 12 6 20 3 36-9 6-17 4-20 2H39c-3 2-11 4-20-2-3-16 4-24 3-36Z', '#3a2029')],
    clothes: () => [
      path('M12 97c2-18 16-25 36-25s34 7 36 25Z', '#c98e66'),
      path('M18 97c1-9 5-15 12-18 4 7 11 10 18 10s14-3 18-10c7 3 11 9 12 18Z', '#f0643c'),
    ],
    before: () => [
      path('M29 46c-2-16 6-25 19-25s21 9 19 25c-2-8-7-14-15-17-4 6-15 8-23 17Z', '#4a2a34'),
      path('M66 16l1.800 3.800 4.200.6-3 2.900.7 4.200-3.700-2-3.700 2 .7-4.200-3-2.900 4.200-.6Z', '#f7c948'),
      path('M29 52a4 4 0 1 0 3.600 5.600A3.400 3.400 0 0 1 29 52Z', '#f7c948'),
      path('M67 52a4 4 0 1 1-3.600 5.600A3.400 3.400 0 0 0 67 52Z', '#f7c948'),
    ],
  },
  june: {
    hue: 168,
    skin: '#7b4b34',
    shade: '#613725',
    lips: '#5a2a26',
    brow: '#1b1214',
    lids: true,
    behind: () => [
      disc(48, 33, 26, '#1d1416'),
      disc(28, 36, 9, '#1d1416'),
      disc(68, 36, 9, '#1d1416'),
      disc(33, 20, 10, '#1d1416'),
      disc(63, 20, 10, '#1d1416'),
      disc(48, 14, 10, '#1d1416'),
    ],
    clothes: () => [
      path('M11 97c2-19 17-26 37-26s35 7 37 26Z', '#0f5a4b'),
      path('M38 71l10 12 10-12 5 3-9 16h-12l-9-16Z', '#f5f2ec'),
      path('M47 83h2l3 14h-8Z', '#0b463a'),
      s('rect', { x: 62, y: 82, width: 15, height: 7, rx: 1.5, fill: '#f2b632' }),
      stroke('M65 85.500h9', '#6d4a00', 1.4),
    ],
    before: () => [
      path('M28.500 45c-2-16 6-25 19.500-25s21.500 9 19.500 25c-3-9-9-14-19.500-14s-16.500 5-19.500 14Z', '#1d1416'),
      stroke('M30 53a3.600 3.600 0 1 0 .5 6', '#f2b632', 1.6),
      stroke('M66 53a3.600 3.600 0 1 1-.5 6', '#f2b632', 1.6),
    ],
  },
  theo: {
    hue: 292,
    skin: '#f2cfb8',
    shade: '#dcb096',
    brow: '#8a6a35',
    behind: () => [path('M28 44c-3-18 6-27 20-27s23 9 20 27Z', '#b98f4b')],
    clothes: () => [path('M12 97c2-18 16-25 36-25s34 7 36 25Z', '#4c3a78'), path('M37 66c3-2 19-2 22 0l2 11c-8 4-18 4-26 0Z', '#5b478d')],
    before: () => [
      path('M28 45C25 24 36 15 50 15c14 0 21 10 18 29-1-8-3-12-7-14-7 2-17 1-24-4-5 5-8 10-9 19Z', '#cfa65c'),
      path('M37 26c7 5 17 6 24 4-3-8-10-12-18-12-3 2-5 5-6 8Z', '#dcb76f'),
    ],
    over: () => [
      s('circle', { cx: 40.5, cy: 46, r: 7.2, fill: '#ffffff', 'fill-opacity': 0.22, stroke: INK, 'stroke-width': 1.7 }),
      s('circle', { cx: 55.5, cy: 46, r: 7.2, fill: '#ffffff', 'fill-opacity': 0.22, stroke: INK, 'stroke-width': 1.7 }),
      stroke('M47.300 45c.5-.5.9-.5 1.400 0M33.400 44.600l-3.400-1.200M62.600 44.600l3.400-1.200', INK, 1.7),
    ],
  },
  walt: {
    hue: 82,
    skin: '#edbf9e',
    shade: '#d6a17d',
    brow: '#7d7670',
    thick: true,
    mouthY: 60,
    behind: () => [path('M26 40c-3 10-1 19 3 23h38c4-4 6-13 3-23Z', '#938c86')],
    clothes: () => [
      path('M9 97c2-19 18-26 39-26s37 7 39 26Z', '#d99a1c'),
      path('M36 70l12 11 12-11 6 4-11 13-7-5-7 5-11-13Z', '#f7e3b1'),
      path('M45 81h6l1.500 4-1.500 12h-6l-1.500-12Z', '#7a2b1d'),
      s('rect', { x: 63, y: 83, width: 14, height: 7, rx: 1.5, fill: '#fff8e6' }),
      stroke('M66 86.500h8', '#8a6a35', 1.4),
    ],
    before: () => [
      path('M35 30c3-7 9-10 14-10', 'none', { stroke: '#f8d7be', 'stroke-width': 3, 'stroke-linecap': 'round' }),
      path(
        'M36.500 57c2-5 7-6 11.500-3.500C52.500 51 57.500 52 59.500 57c-4 1.500-8 1.500-11.500 0-3.500 1.500-7.500 1.500-11.500 0Z',
        '#938c86',
      ),
    ],
  },
};

/** Eyes, brows and mouth of each expression. `brow`: inner end up (+) or down (−); `lift`: both brows higher; `one`: only one of them. */
const FACES = {
  neutral: { mouth: 'm-5 0q5 2.6 10 0', brow: 0 },
  joy: { mouth: 'grin', brow: 0.5, lift: 1, eyes: 'arcs' },
  amusement: { mouth: 'm-5 .5q5 4 10-1.500', brow: 0, one: 2.4 },
  caring: { mouth: 'm-5-.3q5 4 10 0', brow: 1.6 },
  sadness: { mouth: 'm-4.500 2q4.500-4 9 0', brow: 2.6 },
  surprise: { mouth: 'o', brow: 0, lift: 3, eyes: 'wide' },
  anger: { mouth: 'm-5 1.500q5-3 10 0', brow: -2.6 },
  curiosity: { mouth: 'm-4 .5q4 1.800 8-.5', brow: 0, one: 3, eyes: 'wide' },
  pride: { mouth: 'm-5-.5q5 4.500 10 0', brow: 0, lift: 1.5, eyes: 'shut' },
  embarrassment: { mouth: 'm-5 .5q2.500-2.500 5 0t5 0', brow: 2, blush: true },
};

function face(look, expression) {
  const f = FACES[expression] ?? FACES.neutral;
  const [left, right, y] = [40.5, 55.5, 46];
  const mouthY = look.mouthY ?? 58;
  const eye = (x) => {
    if (f.eyes === 'arcs') return stroke(`M${x - 3.4} ${y + 1}q3.400-4.400 6.800 0`, INK, 2.1);
    if (f.eyes === 'shut') return stroke(`M${x - 3.2} ${y}q3.200 2.600 6.400 0`, INK, 2.1);
    const r = f.eyes === 'wide' ? 2.9 : 2.4;
    const parts = [disc(x, y, r, INK), disc(x + 0.8, y - 0.8, 0.75, '#fff')];
    if (look.lids && f.eyes !== 'wide')
      parts.push(path(`M${x - 3.6} ${y - 3.4}h7.200v2.700h-7.200Z`, look.skin), stroke(`M${x - 3.2} ${y - 0.9}h6.400`, INK, 1.3));
    return s('g', {}, ...parts);
  };
  const brow = (x, side) => {
    const up = (f.lift ?? 0) + (side === 1 ? (f.one ?? 0) : 0);
    const [outer, inner] = [38.5 - up + Math.max(0, f.brow) * 0.4, 38.5 - up - f.brow * 0.8];
    const [a, b] = side === -1 ? [outer, inner] : [inner, outer];
    return stroke(`M${x - 4.2} ${a}Q${x} ${Math.min(a, b) - 1.4} ${x + 4.2} ${b}`, look.brow, look.thick ? 2.8 : 1.9);
  };
  const lips = look.lips ?? INK;
  const mouth =
    f.mouth === 'grin'
      ? s(
          'g',
          {},
          path(`M42 ${mouthY - 1}h12c0 4.600-2.600 6.800-6 6.800s-6-2.200-6-6.800Z`, '#6b1f2e'),
          path(`M43 ${mouthY - 1}h10v1.700h-10Z`, '#fff'),
        )
      : f.mouth === 'o'
        ? s('ellipse', { cx: 48, cy: mouthY + 1, rx: 2.6, ry: 3.4, fill: '#6b1f2e' })
        : stroke(`M48 ${mouthY}${f.mouth}`, lips, 2.1);
  return s(
    'g',
    { class: 'face' },
    ...(f.blush ? [disc(35.5, 53, 4, '#e2574c', { 'fill-opacity': 0.35 }), disc(60.5, 53, 4, '#e2574c', { 'fill-opacity': 0.35 })] : []),
    eye(left),
    eye(right),
    stroke('M48 48.500q1.600 2.700-.8 3.200', look.shade, 1.6),
    mouth,
    brow(left, -1),
    brow(right, 1),
  );
}

/** A hue of its own for every name. */
export function hueOf(slug) {
  if (LOOKS[slug]) return LOOKS[slug].hue;
  let hash = 0;
  for (const letter of slug) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return hash % 360;
}

/** An <svg> without a name of its own: the name always stands beside it. `close` for small sizes. */
export function portrait(slug, name = slug, expression = 'neutral', close = false) {
  const svg = s('svg', { viewBox: close ? '12 9 72 72' : '0 0 96 96', class: 'portrait', 'aria-hidden': 'true', focusable: 'false' });
  svg.style.setProperty('--hue', hueOf(slug));
  svg.append(s('rect', { width: 96, height: 96, class: 'portrait-ground' }));
  const look = LOOKS[slug];
  if (!look) {
    const letters = s('text', { x: 48, y: 50, class: 'monogram', 'text-anchor': 'middle', 'dominant-baseline': 'middle' });
    letters.textContent = [...name.matchAll(/(?:^|\s)(\S)/gu)]
      .slice(0, 2)
      .map(([, letter]) => letter.toUpperCase())
      .join('');
    svg.append(letters);
    return svg;
  }
  svg.append(
    ...look.behind(),
    ...look.clothes(),
    path('M41 58h14v13c-2 4-12 4-14 0Z', look.shade),
    s('ellipse', { cx: 29.5, cy: 48, rx: 3.4, ry: 4.6, fill: look.shade }),
    s('ellipse', { cx: 66.5, cy: 48, rx: 3.4, ry: 4.6, fill: look.shade }),
    path('M29.500 43c0-14 8-21 18.500-21s18.500 7 18.500 21c0 15-8 26-18.500 26s-18.500-11-18.500-26Z', look.skin),
    ...(look.beforeFace?.() ?? []),
    face(look, expression),
    ...look.before(),
    ...(look.over?.() ?? []),
  );
  return svg;
}
