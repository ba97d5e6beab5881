/** Why a filter expression was refused, in the words that Azure uses. */

/** A filter that cannot be compiled. The fault of a client's developer, who reads `message`. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  /** The code of this error in the table of errors.ts. */
  readonly code = 'bad-filter';

  /**
   * @param part the expression or the part of it that is wrong, as it was written
   * @param detail a sentence, its full stop included
   */
  constructor(part: string, detail: string) {
    super(`Invalid syntax for '${excerpt(part)}': ${detail} (Parameter 'filter')`);
  }
}

/**
 * The text breaks the grammar. `position` counts characters up to and including the first token
 * that cannot stand where it stands: Azure reports its lexer's place, which is behind that token.
 */
export function syntaxError(text: string, position: number): FilterError {
  return new FilterError(text, `Syntax error at position ${position} in '${excerpt(text)}'.`);
}

/** A part of the expression has another type than its place asks for. */
export function typeError(part: string, actual: string, expected: string): FilterError {
  return new FilterError(part, `Type '${actual}', expect '${expected}'.`);
}

/** Errors travel in responses and logs: they quote this many characters of a filter, no more. */
const excerptLengthMax = 256;

function excerpt(text: string): string {
  return text.length > excerptLengthMax ? `${text.slice(0, excerptLengthMax)}…` : text;
}
