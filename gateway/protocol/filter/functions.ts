/**
 * The functions of the filter language. All are total: where a string is null, or a piece is asked
 * for that a string does not have, the result is null (`indexof`: -1; the three tests: false).
 */
import { FilterError } from './filter-error.ts';
import { toCount, toText } from './term.ts';
import type { Evaluate, Missing, Place, Term } from './term.ts';

/**
 * Builds the term of a call; `name` is in lower case.
 * @throws FilterError for an unknown function, wrong number or wrong types of arguments
 */
export function callFunction(name: string, args: readonly Term[], place: Place): Term {
  const definition = functions.get(name);
  if (definition === undefined) {
    throw new FilterError(place.quote, `Token '${place.quote}' is not supported.`);
  }
  const { counts, build } = definition;
  if (!counts.includes(args.length)) {
    const expected = counts.join(' or ');
    const detail = `Function '${name}' has ${args.length} arguments, expect ${expected}.`;
    throw new FilterError(place.quote, detail);
  }
  return build(new CallArguments(args, place));
}

/** The arguments of one call, checked as they are taken. Their number was checked before. */
class CallArguments {
  readonly #terms: readonly Term[];
  readonly #place: Place;

  constructor(terms: readonly Term[], place: Place) {
    this.#terms = terms;
    this.#place = place;
  }

  text(index: number): Evaluate<string | undefined> {
    return toText(this.#at(index), this.#place);
  }

  count(index: number): Evaluate<number | undefined> {
    return toCount(this.#at(index), this.#place);
  }

  has(index: number): boolean {
    return index < this.#terms.length;
  }

  isCollection(index: number): boolean {
    return this.#at(index).kind === 'collection';
  }

  /** Of the result, where the argument being null makes the result null. */
  missing(index: number): Missing {
    const term = this.#at(index);
    if (term.kind === 'null') return 'result';
    return 'missing' in term && term.missing !== 'never' ? 'result' : 'never';
  }

  #at(index: number): Term {
    const term = this.#terms[index];
    if (term === undefined) throw new RangeError(`argument ${index} was not counted`);
    return term;
  }
}

interface FilterFunction {
  /** Numbers of arguments that it takes. */
  readonly counts: readonly number[];
  readonly build: (args: CallArguments) => Term;
}

const functions: ReadonlyMap<string, FilterFunction> = new Map([
  ['length', { counts: [1], build: length }],
  ['tolower', { counts: [1], build: transform((text) => text.toLowerCase()) }],
  ['toupper', { counts: [1], build: transform((text) => text.toUpperCase()) }],
  ['trim', { counts: [1], build: transform((text) => text.trim()) }],
  ['substring', { counts: [2, 3], build: substring }],
  ['indexof', { counts: [2], build: indexOf }],
  ['concat', { counts: [2], build: concat }],
  ['contains', { counts: [2], build: textTest((text, part) => text.includes(part)) }],
  ['startswith', { counts: [2], build: textTest((text, part) => text.startsWith(part)) }],
  ['endswith', { counts: [2], build: textTest((text, part) => text.endsWith(part)) }],
]);

function length(args: CallArguments): Term {
  if (args.isCollection(0)) {
    return { kind: 'int', missing: 'never', evaluate: (subject) => subject.groupCount() };
  }
  const text = args.text(0);
  const missing = args.missing(0);
  return { kind: 'int', missing, evaluate: (subject) => text(subject)?.length };
}

function transform(change: (text: string) => string): FilterFunction['build'] {
  return (args) => {
    const text = args.text(0);
    const evaluate: Evaluate<string | undefined> = (subject) => {
      const value = text(subject);
      return value === undefined ? undefined : change(value);
    };
    return { kind: 'string', missing: args.missing(0), evaluate };
  };
}

function textTest(holds: (text: string, part: string) => boolean): FilterFunction['build'] {
  return (args) => {
    const text = args.text(0);
    const part = args.text(1);
    const evaluate: Evaluate<boolean> = (subject) => {
      const textValue = text(subject);
      const partValue = part(subject);
      return textValue !== undefined && partValue !== undefined && holds(textValue, partValue);
    };
    return { kind: 'bool', evaluate };
  };
}

function indexOf(args: CallArguments): Term {
  const text = args.text(0);
  const part = args.text(1);
  const evaluate: Evaluate<number> = (subject) => {
    const textValue = text(subject);
    const partValue = part(subject);
    return textValue === undefined || partValue === undefined ? -1 : textValue.indexOf(partValue);
  };
  return { kind: 'int', missing: 'never', evaluate };
}

/** Null joined to a string is that string; two nulls are null. */
function concat(args: CallArguments): Term {
  const left = args.text(0);
  const right = args.text(1);
  const missing = args.missing(0) === 'never' ? 'never' : args.missing(1);
  const evaluate: Evaluate<string | undefined> = (subject) => {
    const leftValue = left(subject);
    const rightValue = right(subject);
    if (leftValue === undefined) return rightValue;
    return rightValue === undefined ? leftValue : leftValue + rightValue;
  };
  return { kind: 'string', missing, evaluate };
}

/** Null unless the whole piece lies inside the string. */
function substring(args: CallArguments): Term {
  const text = args.text(0);
  const start = args.count(1);
  const count = args.has(2) ? args.count(2) : undefined;
  const evaluate: Evaluate<string | undefined> = (subject) => {
    const value = text(subject);
    const from = start(subject);
    if (value === undefined || from === undefined || from < 0) return undefined;
    const pieceLength = count === undefined ? value.length - from : count(subject);
    if (pieceLength === undefined || pieceLength < 0) return undefined;
    return from + pieceLength > value.length ? undefined : value.slice(from, from + pieceLength);
  };
  return { kind: 'string', missing: args.missing(0), evaluate };
}
