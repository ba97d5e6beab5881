/**
 * Patterns of group names in wildcard roles (Azure §1.2): `?` is one character but the dot, `*` any
 * run without a dot, two or more `*` any run, `\` makes a following `\`, `*` or `?` literal.
 */

/** At most this many unescaped `*`, each counted. */
const starsMax = 5;

type Token =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'run'; readonly crossesDots: boolean };

/**
 * Matching takes at most (tokens × length of the name) steps and never backtracks. Characters are
 * UTF-16 units and compared exactly.
 */
export class GroupPattern {
  readonly source: string;
  readonly #tokens: readonly Token[];

  private constructor(source: string, tokens: readonly Token[]) {
    this.source = source;
    this.#tokens = tokens;
  }

  /**
   * @returns undefined: empty, longer than `lengthMax`, too many `*`, or `\` before anything that
   *   needs no escape.
   */
  static parse(source: string, lengthMax: number): GroupPattern | undefined {
    if (source.length === 0 || source.length > lengthMax) return undefined;
    const tokens = tokenize(source);
    return tokens === undefined ? undefined : new GroupPattern(source, tokens);
  }

  matches(name: string): boolean {
    // reached[i] is 1: the tokens so far can have consumed exactly i characters.
    let reached = new Uint8Array(name.length + 1);
    reached[0] = 1;
    for (const token of this.#tokens) {
      const next = advance(token, name, reached);
      if (next === undefined) return false;
      reached = next;
    }
    return reached[name.length] === 1;
  }
}

/** undefined: nothing is reached any more. */
function advance(
  token: Token,
  name: string,
  reached: Uint8Array,
): Uint8Array<ArrayBuffer> | undefined {
  const next = new Uint8Array(reached.length);
  let isAlive = false;
  for (let index = 0; index < reached.length; index++) {
    const to = reached[index] === 1 ? landing(token, name, index) : -1;
    if (token.kind === 'run' && index > 0 && next[index] === 0) {
      // A run that came this far goes on over the character before.
      const isOpen = next[index - 1] === 1 && (token.crossesDots || name[index - 1] !== '.');
      next[index] = isOpen ? 1 : 0;
    }
    if (to >= 0) next[to] = 1;
    isAlive ||= to >= 0;
  }
  return isAlive ? next : undefined;
}

/** Where the token ends that begins at `index`; -1: it does not fit. */
function landing(token: Token, name: string, index: number): number {
  switch (token.kind) {
    case 'literal':
      return name.startsWith(token.text, index) ? index + token.text.length : -1;
    case 'one':
      return index < name.length && name[index] !== '.' ? index + 1 : -1;
    case 'run':
      return index;
  }
}

function tokenize(source: string): Token[] | undefined {
  const tokens: Token[] = [];
  let literal = '';
  let stars = 0;
  for (let index = 0; index < source.length; index++) {
    const character = source.charAt(index);
    if (character !== '?' && character !== '*') {
      const isEscape = character === '\\';
      if (isEscape) index++;
      const text = source.charAt(index);
      if (isEscape && (text === '' || !'\\*?'.includes(text))) return undefined;
      literal += text;
      continue;
    }
    if (literal !== '') tokens.push({ kind: 'literal', text: literal });
    literal = '';
    if (character === '?') {
      tokens.push({ kind: 'one' });
      continue;
    }
    const begin = index;
    while (source[index + 1] === '*') index++;
    stars += index - begin + 1;
    tokens.push({ kind: 'run', crossesDots: index > begin });
  }
  if (literal !== '') tokens.push({ kind: 'literal', text: literal });
  return stars > starsMax ? undefined : tokens;
}
