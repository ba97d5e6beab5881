/** Tables as Markdown that also reads well in a terminal, and the formats of their cells. */

/** Rows under a header; the first column is text, the others are aligned to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(3, ...all.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(' | ')} |`;
  const rule = `| ${widths
    .map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
    .join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** A number with thousands separators and this many decimals; a dash for the unknown. */
export function formatNumber(value: number | undefined, decimals = 0): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** A share of 1 as percent. */
export function formatShare(value: number | undefined, decimals = 0): string {
  return value === undefined ? '–' : `${formatNumber(value * 100, decimals)} %`;
}

/** Microseconds as milliseconds. */
export function formatMs(us: number | undefined): string {
  if (us === undefined) return '–';
  return formatNumber(us / 1000, us < 10_000 ? 2 : 0);
}

/** Bytes as KiB with one decimal. */
export function formatKiB(bytes: number | undefined): string {
  return bytes === undefined ? '–' : formatNumber(bytes / 1024, bytes < 100 * 1024 ? 2 : 0);
}

/** A ratio such as `1.52 ×`. */
export function formatRatio(value: number | undefined): string {
  return value === undefined ? '–' : `${formatNumber(value, 2)} ×`;
}
