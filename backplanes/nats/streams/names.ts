/** What things are called at the server: one JetStream stream per retention class, and its subjects. */
import { createHash } from 'node:crypto';
import { tokenOf } from '../subject.ts';

/** Names of one retention class at the server. */
export interface ClassNames {
  /** Of the JetStream stream. */
  readonly stream: string;
  /** All subjects that it stores. */
  readonly pattern: string;
  /** Begins each of them, with the dot. */
  readonly root: string;
}

/**
 * Names of a class that the server publishes live, or of one that it only stores: never the same, so
 * that neither has what belongs to the other. No two prefixes share a name.
 */
export function classNames(prefix: string, className: string, isLive: boolean): ClassNames {
  // Names of streams have no dots. What we add to a prefix always begins with an underscore.
  const escaped = prefix.replaceAll('_', '__').replaceAll('.', '_o');
  const root = `${prefix}.${isLive ? 's' : 'q'}.${className}.`;
  return {
    stream: `${escaped}${isLive ? '' : '_q'}-${className}`,
    pattern: `${root}>`,
    root,
  };
}

/** Where a key's publications are stored. Its last token is that of the live subject. */
export function storedSubject(names: ClassNames, key: string): string {
  return names.root + tokenOf(key);
}

/** Where it is noted that a key's stream was purged. One token more: no key has that. */
export function purgeSubject(names: ClassNames, key: string): string {
  return `${names.root}p.${tokenOf(key)}`;
}

/** From where to where the server publishes what it has stored. */
export function republishing(
  prefix: string,
  names: ClassNames,
): { readonly src: string; readonly dest: string } {
  return { src: names.pattern, dest: `${prefix}.k.>` };
}

/**
 * The epoch of a JetStream stream's history. `created` survives restarts of the server, and differs
 * when the stream was deleted and made again.
 */
export function epochOf(stream: string, created: string): string {
  return createHash('sha256').update(`${stream}\n${created}`).digest('base64url').slice(0, 12);
}
