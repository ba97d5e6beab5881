/** Flags that say to whom a message goes, and the path of that destination in the REST API. */
import { Option } from 'commander';
import { UsageError } from './host.ts';

export interface DestinationFlags {
  readonly hub: string;
  readonly all?: boolean;
  readonly user?: string;
  readonly group?: string;
  readonly connection?: string;
}

type Kind = 'all' | 'user' | 'group' | 'connection';

const flags = {
  all: '--all',
  user: '--user <id>',
  group: '--group <name>',
  connection: '--connection <id>',
} as const satisfies Record<Kind, string>;

/** One option for each kind that is described; they exclude each other. */
export function destinationOptions(descriptions: Partial<Record<Kind, string>>): Option[] {
  // The keys of the parameter are kinds and nothing else.
  const kinds = Object.keys(descriptions) as Kind[];
  return kinds.map((kind) =>
    new Option(flags[kind], descriptions[kind]).conflicts(kinds.filter((other) => other !== kind)),
  );
}

/** @throws UsageError: no destination, or a name that no path can hold. */
export function destinationPath(
  { all, connection, group, hub, user }: DestinationFlags,
  kinds: readonly string[],
): string {
  const path = `/api/hubs/${hub}`;
  if (all === true) return path;
  if (user !== undefined) return `${path}/users/${segment('--user', user)}`;
  if (group !== undefined) return `${path}/groups/${segment('--group', group)}`;
  if (connection !== undefined) {
    return `${path}/connections/${segment('--connection', connection)}`;
  }
  const names = kinds.map((kind) => `--${kind}`);
  throw new UsageError(
    `A destination is needed: ${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`,
  );
}

function segment(flag: string, name: string): string {
  // `URL` would take dots away as steps between folders.
  if (name === '' || name === '.' || name === '..') {
    throw new UsageError(`${flag} must be a name, got ${JSON.stringify(name)}`);
  }
  return encodeURIComponent(name);
}
