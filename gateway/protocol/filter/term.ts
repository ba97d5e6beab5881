/** A part of a filter whose type is known, ready to be evaluated for a connection. */
import type { FilterSubject } from '../filter-subject.ts';
import type { Span } from './expression.ts';
import { typeError } from './filter-error.ts';

/** Never throws. Undefined is the language's null. */
export type Evaluate<T> = (subject: FilterSubject) => T;

export type Value = string | number | boolean | undefined;

/**
 * Types are settled before the first evaluation. A string or an int can be null for one connection
 * and not for another; a bool never is.
 */
export type Term =
  | { readonly kind: 'bool'; readonly evaluate: Evaluate<boolean> }
  | Nullable<'int', number>
  | Nullable<'string', string>
  | { readonly kind: 'null'; readonly evaluate: Evaluate<undefined> }
  | { readonly kind: 'collection' };

/**
 * What a term is for a connection without user and subprotocol. Azure checks types against such a
 * one: a property that is missing keeps its type, a function's result becomes of type `null`.
 */
export type Missing = 'never' | 'property' | 'result';

interface Nullable<K extends string, T> {
  readonly kind: K;
  readonly missing: Missing;
  readonly evaluate: Evaluate<T | undefined>;
}

/** A part of a filter's text: what a type error quotes. */
export class Place {
  readonly #text: string;
  readonly #span: Span;

  constructor(text: string, span: Span) {
    this.#text = text;
    this.#span = span;
  }

  get quote(): string {
    return this.#text.slice(this.#span.start, this.#span.end);
  }
}

/** @throws FilterError when the term is no bool */
export function toBool(term: Term, place: Place): Evaluate<boolean> {
  if (term.kind === 'bool') return term.evaluate;
  throw typeError(place.quote, strictTypeName(term), 'bool');
}

/** Null counts as a string that is absent. @throws FilterError when the term is no string */
export function toText(term: Term, place: Place): Evaluate<string | undefined> {
  if (term.kind === 'string' || term.kind === 'null') return term.evaluate;
  throw typeError(place.quote, term.kind, 'string');
}

/** Null counts as an int that is absent. @throws FilterError when the term is no int */
export function toOrdinal(term: Term, place: Place): Evaluate<number | undefined> {
  if (term.kind === 'int' || term.kind === 'null') return term.evaluate;
  throw typeError(place.quote, term.kind, 'int');
}

/** An int that no missing user makes null. @throws FilterError when the term is none */
export function toCount(term: Term, place: Place): Evaluate<number | undefined> {
  if (term.kind === 'int' && term.missing !== 'result') return term.evaluate;
  throw typeError(place.quote, strictTypeName(term), 'int');
}

/** Whatever can be compared for equality. @throws FilterError when the term is a collection */
export function toValue(term: Term, place: Place): Evaluate<Value> {
  if (term.kind !== 'collection') return term.evaluate;
  throw typeError(place.quote, term.kind, 'string');
}

function strictTypeName(term: Term): string {
  return 'missing' in term && term.missing === 'result' ? 'null' : term.kind;
}
