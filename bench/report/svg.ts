/** Line charts as SVG, without a library: axes, lines with markers, a name at the end of each. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Axis {
  readonly label: string;
  /** Values must be above 0. */
  readonly isLog?: boolean;
}

const width = 760;
const height = 420;
const frame = { left: 78, right: 590, top: 46, bottom: 356 } as const;
/** Told apart by people who see few colours, too. */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#b8860b', '#444444'];
const dashes = ['', '7 3', '2 3', '9 3 2 3', '', '5 5', '1 4'];
const labelGap = 15;

/** The chart as a document; series without points are left out. */
export function drawChart({ series, title, x, y }: Chart): string {
  const drawn = series.filter(({ points }) => points.length > 0);
  const xScale = new Scale(
    x,
    drawn.flatMap(({ points }) => points.map(([each]) => each)),
    [frame.left, frame.right],
  );
  const yScale = new Scale(
    y,
    drawn.flatMap(({ points }) => points.map(([, each]) => each)),
    [frame.bottom, frame.top],
  );
  const parts = [
    `<rect width="${String(width)}" height="${String(height)}" fill="#fff"/>`,
    text(frame.left, 24, title, 'font-size="15" font-weight="600"'),
    ...xScale.ticks.map((tick) => xTick(xScale.at(tick), tick)),
    ...yScale.ticks.map((tick) => yTick(yScale.at(tick), tick)),
    text((frame.left + frame.right) / 2, height - 18, x.label, 'text-anchor="middle"'),
    `<g transform="translate(18 ${String((frame.top + frame.bottom) / 2)}) rotate(-90)">` +
      `${text(0, 0, y.label, 'text-anchor="middle"')}</g>`,
    ...drawn.map(({ points }, index) => line(points, index, { xScale, yScale })),
    ...labels(drawn, yScale),
  ];
  const head =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" ` +
    `role="img" font-family="system-ui, sans-serif" font-size="12" fill="#222">`;
  return `${head}\n<title>${escapeText(title)}</title>\n${parts.join('\n')}\n</svg>\n`;
}

/** Maps values to pixels, and chooses the values that are marked. */
export class Scale {
  readonly ticks: readonly number[];
  readonly #isLog: boolean;
  readonly #from: number;
  readonly #to: number;
  readonly #pixels: readonly [number, number];

  constructor(
    { isLog = false }: Axis,
    values: readonly number[],
    pixels: readonly [number, number],
  ) {
    this.#isLog = isLog;
    this.#pixels = pixels;
    const low = values.length === 0 ? 1 : Math.min(...values);
    const high = values.length === 0 ? 10 : Math.max(...values);
    this.ticks = isLog ? logTicks(low, high) : linearTicks(high);
    this.#from = this.ticks[0] ?? 0;
    this.#to = this.ticks.at(-1) ?? 1;
  }

  at(value: number): number {
    const [first, last] = this.#pixels;
    const place = (each: number): number => (this.#isLog ? Math.log(each) : each);
    const share = (place(value) - place(this.#from)) / (place(this.#to) - place(this.#from));
    return Math.round((first + share * (last - first)) * 10) / 10;
  }
}

/** From 0 to the first round value that is not below the highest. */
function linearTicks(high: number): readonly number[] {
  const rough = Math.max(high, Number.MIN_VALUE) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const count = Math.max(1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** 1, 2, 5, 10 ... around all values; powers of ten alone where those would be too many. */
function logTicks(low: number, high: number): readonly number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high) + 1e-9);
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const all: number[] = [];
  for (let power = first; power <= last; power++) {
    for (const factor of factors) all.push(Number((factor * 10 ** power).toPrecision(3)));
  }
  const below = all.filter((tick) => tick <= low).at(-1) ?? low;
  const above = all.find((tick) => tick >= high && tick > below) ?? high;
  return all.filter((tick) => tick >= below && tick <= above);
}

function xTick(at: number, value: number): string {
  return (
    `<line x1="${String(at)}" x2="${String(at)}" y1="${String(frame.top)}" ` +
    `y2="${String(frame.bottom)}" stroke="#e4e4e4"/>` +
    text(at, frame.bottom + 18, formatTick(value), 'text-anchor="middle"')
  );
}

function yTick(at: number, value: number): string {
  return (
    `<line x1="${String(frame.left)}" x2="${String(frame.right)}" y1="${String(at)}" ` +
    `y2="${String(at)}" stroke="#e4e4e4"/>` +
    text(frame.left - 8, at + 4, formatTick(value), 'text-anchor="end"')
  );
}

function line(
  points: Series['points'],
  index: number,
  { xScale, yScale }: { readonly xScale: Scale; readonly yScale: Scale },
): string {
  const color = colorOf(index);
  const places = points
    .toSorted(([a], [b]) => a - b)
    .map(([x, y]) => [String(xScale.at(x)), String(yScale.at(y))] as const);
  const path = places.map(([x, y], each) => `${each === 0 ? 'M' : 'L'}${x} ${y}`).join(' ');
  const markers = places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.2" fill="${color}"/>`);
  const dash = dashes[index % dashes.length] ?? '';
  return (
    `<path d="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>` +
    markers.join('')
  );
}

/** At the height of each line's last point, pushed apart where they would cover one another. */
function labels(series: readonly Series[], yScale: Scale): readonly string[] {
  const placed = series
    .map(({ name, points }, index) => {
      const [, y] = points.toSorted(([a], [b]) => a - b).at(-1) ?? [0, 1];
      return { name, index, at: yScale.at(y) };
    })
    .toSorted((a, b) => a.at - b.at);
  let lowest: number = frame.top - labelGap;
  return placed.map(({ at, index, name }) => {
    lowest = Math.max(at, lowest + labelGap);
    const weight = index === 0 ? ' font-weight="600"' : '';
    return text(frame.right + 12, lowest + 4, name, `fill="${colorOf(index)}"${weight}`);
  });
}

function colorOf(index: number): string {
  return colors[index % colors.length] ?? '#000';
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${String(x)}" y="${String(y)}" ${attributes}>${escapeText(content)}</text>`;
}

function escapeText(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function formatTick(value: number): string {
  return value >= 1000 ? value.toLocaleString('en-US') : String(value);
}
