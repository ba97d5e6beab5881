/** What the docs tests read out of Markdown: tables and links. */

/** Cells of the table whose header row begins with these cells, without code marks; rows in order. */
export function tableRows(
  markdown: string,
  header: readonly string[],
): readonly (readonly string[])[] {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => {
    const cells = cellsOf(line);
    return header.every((name, index) => cells[index] === name);
  });
  if (start === -1) return [];
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end === -1 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): readonly string[] {
  if (!line.startsWith('|')) return [];
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
}

/** Targets of links that stay in the repository, without their fragments; code is not looked at. */
export function relativeLinks(markdown: string): readonly string[] {
  const prose = markdown.replace(/^ *```[\s\S]*?^ *```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}
