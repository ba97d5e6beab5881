/** The syntax tree of a filter: what the parser found, before types are checked. */

/** A piece of the filter's text, for messages. `end` is behind the last character. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Which values `eq` and its kin relate. */
export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le';

/** Words in lower case. The span of an expression leaves out parentheses around it. */
export type Expression = Span &
  (
    | { readonly type: 'literal'; readonly value: Literal }
    | { readonly type: 'name'; readonly name: string }
    | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[] }
    | { readonly type: 'not'; readonly operand: Expression }
    | {
        readonly type: 'logical';
        readonly operator: 'and' | 'or';
        /** Two or more: `a and b and c` is one node, so that long filters are not deep. */
        readonly operands: readonly Expression[];
      }
    | {
        readonly type: 'compare';
        readonly operator: Comparison;
        readonly left: Expression;
        readonly right: Expression;
      }
    | {
        readonly type: 'in';
        readonly left: Expression;
        /** One or more. */
        readonly items: readonly Expression[];
        /** False: the right side is one expression without parentheses. */
        readonly isList: boolean;
      }
  );

/** `null` of the filter language is undefined here. */
export type Literal = string | number | boolean | undefined;
