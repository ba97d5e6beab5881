/** Cuts the text of a filter into tokens, one at a time, in one pass without backtracking. */
import { syntaxError } from './filter-error.ts';

/** `end` is the position behind the token's last character. */
export type Token = { readonly start: number; readonly end: number } & (
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: '(' | ')' | ',' | 'end' }
);

const integerMin = -(2 ** 31);
const integerMax = 2 ** 31 - 1;
const quote = "'";

export class Lexer {
  readonly #text: string;
  #token: Token;
  #lastEnd = 0;

  /** @throws FilterError when the text does not begin with a token */
  constructor(text: string) {
    this.#text = text;
    this.#token = this.#read(0);
  }

  /** The token that is next; after the last one it is and stays `end`. */
  get token(): Token {
    return this.#token;
  }

  /** The position behind the token that `advance` returned last. */
  get lastEnd(): number {
    return this.#lastEnd;
  }

  /**
   * Returns the current token and moves to the next.
   * @throws FilterError when what follows is no token
   */
  advance(): Token {
    const token = this.#token;
    this.#lastEnd = token.end;
    this.#token = this.#read(token.end);
    return token;
  }

  #read(from: number): Token {
    const start = skip(this.#text, from, isSpace);
    const char = this.#text[start];
    if (char === undefined) return { kind: 'end', start, end: start };
    if (char === '(' || char === ')' || char === ',') return { kind: char, start, end: start + 1 };
    if (char === quote) return this.#readString(start);
    if (isWordStart(char)) return this.#readWord(start);
    return this.#readInteger(start);
  }

  #readString(start: number): Token {
    let value = '';
    let from = start + 1;
    for (;;) {
      const close = this.#text.indexOf(quote, from);
      if (close === -1) throw syntaxError(this.#text, this.#text.length);
      value += this.#text.slice(from, close);
      from = close + 1;
      if (this.#text[from] !== quote) return { kind: 'string', value, start, end: from };
      value += quote;
      from += 1;
    }
  }

  #readWord(start: number): Token {
    const end = skip(this.#text, start, isWordPart);
    return { kind: 'word', word: this.#text.slice(start, end).toLowerCase(), start, end };
  }

  /** Also the end of the line for characters that begin no token. */
  #readInteger(start: number): Token {
    const sign = this.#text[start];
    const isSigned = sign === '-' || sign === '+';
    const digits = isSigned ? start + 1 : start;
    const end = skip(this.#text, digits, isWordPart);
    let value = 0;
    for (let at = digits; at < end; at += 1) {
      // Words and numbers must not touch, as in `1eq`.
      if (!isDigit(this.#text[at])) throw syntaxError(this.#text, end);
      value = value * 10 + Number(this.#text[at]);
    }
    if (end === digits) throw syntaxError(this.#text, start + 1);
    // `0 -` and not `-`: minus zero would be another value than zero to a Set of items.
    if (sign === '-') value = 0 - value;
    if (value < integerMin || value > integerMax) throw syntaxError(this.#text, end);
    return { kind: 'integer', value, start, end };
  }
}

function skip(text: string, from: number, isPart: (char: string | undefined) => boolean): number {
  let at = from;
  while (isPart(text[at])) at += 1;
  return at;
}

function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r';
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

function isWordStart(char: string | undefined): boolean {
  if (char === undefined) return false;
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_';
}

function isWordPart(char: string | undefined): boolean {
  return isWordStart(char) || isDigit(char);
}
