/**
 * Filters of the REST API (a subset of OData, Azure's "OData filter syntax"): an expression in,
 * a question about a connection out.
 */
import type { FilterSubject } from '../filter-subject.ts';
import { compileExpression } from './compile.ts';
import { FilterError } from './filter-error.ts';
import { parseFilter } from './parser.ts';

export { FilterError };

/** Values come from the settings `filterLengthMax` and `filterDepthMax`. */
export interface FilterBounds {
  /** Longest expression in characters. */
  readonly lengthMax: number;
  /** Deepest nesting of parentheses, argument lists and `not`. */
  readonly depthMax: number;
}

/**
 * True: the connection gets the message. Never throws, keeps nothing of the subject, and may be
 * asked about any number of connections. Its cost is bounded by the length of the expression times
 * the length of the subject's strings.
 */
export type Filter = (subject: FilterSubject) => boolean;

/**
 * Names and keywords may be in any case, strings and groups are compared exactly. An empty
 * expression is refused: whether a request has no filter is for the caller to decide.
 * @throws FilterError for whatever is not a bool expression within the bounds; nothing else. What
 *   compiled once under some bounds compiles everywhere under the same.
 */
export function compileFilter(expression: string, bounds: FilterBounds): Filter {
  if (expression.length > bounds.lengthMax) {
    throw new FilterError(
      expression,
      `Length ${expression.length}, expect at most ${bounds.lengthMax} characters.`,
    );
  }
  return compileExpression(parseFilter(expression, bounds.depthMax), expression);
}
