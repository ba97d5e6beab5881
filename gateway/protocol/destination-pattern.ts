/** Patterns of destinations, by which the settings say what is a stream. */
import { GroupPattern } from './group-pattern.ts';

export interface DestinationPattern {
  readonly kind: 'all' | 'user' | 'group';
  /** undefined: `all` has no name. */
  readonly pattern: GroupPattern | undefined;
}

const patternLengthMax = 1024;

/**
 * `all`, `user:<pattern>` or `group:<pattern>`, with the patterns of wildcard roles; undefined: it is
 * none of them.
 */
export function parseDestinationPattern(text: string): DestinationPattern | undefined {
  if (text === 'all') return { kind: 'all', pattern: undefined };
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  if (kind !== 'user' && kind !== 'group') return undefined;
  const pattern = GroupPattern.parse(text.slice(colon + 1), patternLengthMax);
  return pattern === undefined ? undefined : { kind, pattern };
}
