/** Checks the types of a syntax tree and turns it into closures that answer for a connection. */
import type { FilterSubject } from '../filter-subject.ts';
import type { Comparison, Expression, Literal, Span } from './expression.ts';
import { FilterError, typeError } from './filter-error.ts';
import { callFunction } from './functions.ts';
import { Place, toBool, toOrdinal, toValue } from './term.ts';
import type { Evaluate, Term, Value } from './term.ts';

/**
 * The tree as one question. `eq`, `ne` and `in` take values of any types: values of different types
 * are not equal, null equals null only. `gt`, `ge`, `lt` and `le` take ints; with null they are
 * false. All types are settled here, so evaluation cannot fail and may stop at the first operand
 * that decides.
 * @throws FilterError where types do not fit or a name is unknown
 */
export function compileExpression(expression: Expression, text: string): Evaluate<boolean> {
  const whole = new Place(text, { start: 0, end: text.length });
  return toBool(new Compiler(text).term(expression, whole), new Place(text, expression));
}

type Node<T extends Expression['type']> = Extract<Expression, { readonly type: T }>;

class Compiler {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** `around` is the operation that the expression is a part of: Azure quotes it for names. */
  term(expression: Expression, around: Place): Term {
    switch (expression.type) {
      case 'literal':
        return literal(expression.value);
      case 'name':
        return this.#name(expression, around);
      case 'call': {
        const place = this.#place(expression);
        const args = expression.args.map((argument) => this.term(argument, place));
        return callFunction(expression.name, args, place);
      }
      case 'not': {
        const operand = toBool(this.term(expression.operand, around), this.#place(expression));
        return { kind: 'bool', evaluate: (subject) => !operand(subject) };
      }
      case 'logical':
        return this.#logical(expression);
      case 'compare':
        return this.#compare(expression);
      case 'in':
        return this.#in(expression);
    }
  }

  #name(expression: Node<'name'>, around: Place): Term {
    const property = properties.get(expression.name);
    if (property !== undefined) return property;
    const name = this.#place(expression).quote;
    throw new FilterError(around.quote, `Token '${name}' is not supported.`);
  }

  #logical({ operator, operands, start }: Node<'logical'>): Term {
    const questions = operands.map((operand, index) => {
      // Of a chain, what Azure quotes ends with the operand, and has two operands at least.
      const { end } = (index === 0 ? operands[1] : undefined) ?? operand;
      const place = this.#place({ start, end });
      return toBool(this.term(operand, place), place);
    });
    // `and` stops at the first false, `or` at the first true.
    const deciding = operator === 'or';
    const evaluate: Evaluate<boolean> = (subject) => {
      for (const question of questions) if (question(subject) === deciding) return deciding;
      return !deciding;
    };
    return { kind: 'bool', evaluate };
  }

  #compare(expression: Node<'compare'>): Term {
    const place = this.#place(expression);
    const left = this.term(expression.left, place);
    const right = this.term(expression.right, place);
    const { operator } = expression;
    if (operator === 'eq' || operator === 'ne') {
      const isWanted = operator === 'eq';
      const leftValue = toValue(left, place);
      const rightValue = toValue(right, place);
      return {
        kind: 'bool',
        evaluate: (subject) => (leftValue(subject) === rightValue(subject)) === isWanted,
      };
    }
    // Azure asks for no type beside the literal null.
    if (left.kind === 'null' || right.kind === 'null') return literal(false);
    const holds = orders[operator];
    const leftInt = toOrdinal(left, place);
    const rightInt = toOrdinal(right, place);
    const evaluate: Evaluate<boolean> = (subject) => {
      const leftValue = leftInt(subject);
      const rightValue = rightInt(subject);
      return leftValue !== undefined && rightValue !== undefined && holds(leftValue, rightValue);
    };
    return { kind: 'bool', evaluate };
  }

  #in(expression: Node<'in'>): Term {
    const place = this.#place(expression);
    const value = toValue(this.term(expression.left, place), place);
    const items = expression.items.map((item) => this.term(item, place));
    const [first] = items;
    if (items.length === 1 && first !== undefined) {
      if (first.kind === 'collection') return memberOfGroups(value);
      if (!expression.isList) throw typeError(place.quote, first.kind, 'collection');
    }
    const literals = expression.items.filter((item) => item.type === 'literal');
    if (literals.length === items.length) {
      const values = new Set<Value>(literals.map((item) => item.value));
      return { kind: 'bool', evaluate: (subject) => values.has(value(subject)) };
    }
    const itemValues = items.map((item) => toValue(item, place));
    const evaluate: Evaluate<boolean> = (subject) => {
      const wanted = value(subject);
      for (const item of itemValues) if (item(subject) === wanted) return true;
      return false;
    };
    return { kind: 'bool', evaluate };
  }

  #place(span: Span): Place {
    return new Place(this.#text, span);
  }
}

const properties: ReadonlyMap<string, Term> = new Map<string, Term>([
  ['userid', { kind: 'string', missing: 'property', evaluate: (subject) => subject.userId }],
  ['connectionid', { kind: 'string', missing: 'never', evaluate: (s) => s.connectionId }],
  ['protocol', { kind: 'string', missing: 'property', evaluate: (s) => s.subprotocol }],
  ['groups', { kind: 'collection' }],
]);

type Order = Exclude<Comparison, 'eq' | 'ne'>;

const orders: Readonly<Record<Order, (left: number, right: number) => boolean>> = {
  gt: (left, right) => left > right,
  ge: (left, right) => left >= right,
  lt: (left, right) => left < right,
  le: (left, right) => left <= right,
};

function literal(value: Literal): Term {
  if (value === undefined) return { kind: 'null', evaluate: () => undefined };
  if (typeof value === 'boolean') return { kind: 'bool', evaluate: () => value };
  return typeof value === 'number'
    ? { kind: 'int', missing: 'never', evaluate: () => value }
    : { kind: 'string', missing: 'never', evaluate: () => value };
}

function memberOfGroups(value: Evaluate<Value>): Term {
  const evaluate = (subject: FilterSubject): boolean => {
    const name = value(subject);
    return typeof name === 'string' && subject.isInGroup(name);
  };
  return { kind: 'bool', evaluate };
}
