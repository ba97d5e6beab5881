/** Shows a log entry, given as a line of JSON, as one line for people. */

const levelNames: ReadonlyMap<unknown, string> = new Map([
  ['error', 'ERROR'],
  ['warn', 'WARN '],
  ['info', 'INFO '],
  ['debug', 'DEBUG'],
]);

/** `12:34:56.789 INFO  Connection closed connectionId=abc code=1000` and the end of the line. */
export function formatTextEntry(line: string): string {
  const entry = parseEntry(line);
  if (entry === undefined) return line;
  const { level, time, message, error, ...fields } = entry;
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const parts = [clock, levelNames.get(level) ?? String(level), oneLine(String(message))];
  for (const [name, value] of Object.entries(fields)) parts.push(`${name}=${formatValue(value)}`);
  const text = parts.join(' ');
  return `${error === undefined ? text : `${text}${formatError(error)}`}\n`;
}

/** Masking a secret can break a line where the secret began within an escape: then undefined. */
function parseEntry(line: string): Record<string, unknown> | undefined {
  try {
    // The line was written by the logger: an object.
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function formatValue(value: unknown): string {
  const isBare = typeof value === 'string' && /^[^\s"=\p{Cc}]+$/u.test(value);
  return isBare ? value : JSON.stringify(value);
}

/** Message of the error and its causes; the stack is in the JSON format only. */
function formatError(error: unknown): string {
  let text = '';
  let current: unknown = error;
  while (typeof current === 'object' && current !== null) {
    const message = 'message' in current ? String(current.message) : '';
    text += `: ${oneLine(message)}`;
    current = 'cause' in current ? current.cause : undefined;
  }
  return text;
}

/** Nothing that came from outside can start a line of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
