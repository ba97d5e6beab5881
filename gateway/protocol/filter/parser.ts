/** Turns the text of a filter into its syntax tree; recursive descent with bounded depth. */
import type { Comparison, Expression, Literal } from './expression.ts';
import { FilterError, syntaxError } from './filter-error.ts';
import { Lexer } from './lexer.ts';
import type { Token } from './lexer.ts';

/**
 * Grammar, loosest binding first; words in any case:
 *
 *     or      = and { 'or' and }
 *     and     = compare { 'and' compare }
 *     compare = unary [ ( 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' ) unary
 *                     | 'in' ( '(' or { ',' or } ')' | unary ) ]
 *     unary   = 'not' unary | primary
 *     primary = '(' or ')' | string | integer | 'true' | 'false' | 'null'
 *             | name [ '(' [ or { ',' or } ] ')' ]
 *
 * @throws FilterError for a text outside the grammar, or nested deeper than `depthMax` levels of
 *   parentheses, argument lists and `not`
 */
export function parseFilter(text: string, depthMax: number): Expression {
  return new Parser(text, depthMax).parse();
}

const comparisons: ReadonlyMap<string, Comparison> = new Map(
  (['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const).map((word) => [word, word]),
);

const literals: ReadonlyMap<string, Literal> = new Map([
  ['true', true],
  ['false', false],
  ['null', undefined],
]);

const reservedWords: ReadonlySet<string> = new Set([...comparisons.keys(), 'and', 'or', 'in']);

class Parser {
  readonly #text: string;
  readonly #lexer: Lexer;
  readonly #depthMax: number;
  #depth = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#lexer = new Lexer(text);
    this.#depthMax = depthMax;
  }

  parse(): Expression {
    const expression = this.#or();
    this.#expect('end');
    return expression;
  }

  #or(): Expression {
    const start = this.#lexer.token.start;
    const first = this.#and();
    if (!this.#isAt('or')) return first;
    const operands = [first];
    while (this.#accept('or')) operands.push(this.#and());
    return { type: 'logical', operator: 'or', operands, start, end: this.#lexer.lastEnd };
  }

  #and(): Expression {
    const start = this.#lexer.token.start;
    const first = this.#compare();
    if (!this.#isAt('and')) return first;
    const operands = [first];
    while (this.#accept('and')) operands.push(this.#compare());
    return { type: 'logical', operator: 'and', operands, start, end: this.#lexer.lastEnd };
  }

  #compare(): Expression {
    const start = this.#lexer.token.start;
    const left = this.#unary();
    if (this.#accept('in')) {
      const isList = this.#lexer.token.kind === '(';
      const items = isList ? this.#list(1) : [this.#unary()];
      return { type: 'in', left, items, isList, start, end: this.#lexer.lastEnd };
    }
    const { token } = this.#lexer;
    const operator = token.kind === 'word' ? comparisons.get(token.word) : undefined;
    if (operator === undefined) return left;
    this.#lexer.advance();
    const right = this.#unary();
    return { type: 'compare', operator, left, right, start, end: this.#lexer.lastEnd };
  }

  #unary(): Expression {
    const start = this.#lexer.token.start;
    if (!this.#accept('not')) return this.#primary();
    this.#enter();
    const operand = this.#unary();
    this.#depth -= 1;
    return { type: 'not', operand, start, end: this.#lexer.lastEnd };
  }

  #primary(): Expression {
    const { token } = this.#lexer;
    const { start, end } = token;
    if (token.kind === '(') {
      this.#lexer.advance();
      this.#enter();
      const inner = this.#or();
      this.#expect(')');
      this.#depth -= 1;
      return inner;
    }
    if (token.kind === 'string' || token.kind === 'integer') {
      this.#lexer.advance();
      return { type: 'literal', value: token.value, start, end };
    }
    if (token.kind !== 'word' || reservedWords.has(token.word)) throw this.#unexpected();
    this.#lexer.advance();
    if (literals.has(token.word)) {
      return { type: 'literal', value: literals.get(token.word), start, end };
    }
    if (this.#lexer.token.kind !== '(') return { type: 'name', name: token.word, start, end };
    const args = this.#list(0);
    return { type: 'call', name: token.word, args, start, end: this.#lexer.lastEnd };
  }

  /** A list in parentheses. */
  #list(lengthMin: 0 | 1): Expression[] {
    this.#expect('(');
    this.#enter();
    const items: Expression[] = [];
    if (lengthMin > 0 || this.#lexer.token.kind !== ')') {
      items.push(this.#or());
      while (this.#lexer.token.kind === ',') {
        this.#lexer.advance();
        items.push(this.#or());
      }
    }
    this.#expect(')');
    this.#depth -= 1;
    return items;
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth <= this.#depthMax) return;
    throw new FilterError(
      this.#text,
      `Nesting at position ${this.#lexer.lastEnd} is ${this.#depth} levels deep,` +
        ` expect at most ${this.#depthMax}.`,
    );
  }

  #isAt(word: string): boolean {
    const { token } = this.#lexer;
    return token.kind === 'word' && token.word === word;
  }

  #accept(word: string): boolean {
    const isAccepted = this.#isAt(word);
    if (isAccepted) this.#lexer.advance();
    return isAccepted;
  }

  #expect(kind: Token['kind']): void {
    if (this.#lexer.token.kind !== kind) throw this.#unexpected();
    this.#lexer.advance();
  }

  #unexpected(): FilterError {
    return syntaxError(this.#text, this.#lexer.token.end);
  }
}
