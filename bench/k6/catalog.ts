/** All k6 scenarios: the script of each, its load, and what happens to the cluster meanwhile. */
import type { BackplaneName } from '../cluster/options.ts';

export const k6ScenarioNames = [
  'fanout',
  'large-groups',
  'small-groups',
  'user-to-user',
  'rest-to-user',
  'echo',
  'connect-storm',
  'churn',
  'resume',
  'slow-consumers',
  'rolling-restart',
  'node-kill',
] as const;
export type K6ScenarioName = (typeof k6ScenarioNames)[number];

/** Who is a target: members of groups, one user each, or the sender itself. */
export type Shape = 'groups' | 'users' | 'rest-users' | 'echo' | 'none';
/** What the runner does to the nodes when a third of the window has passed. */
export type NodeAction = 'rolling-restart' | 'node-kill';

export interface K6Scenario {
  /** A file of `scenarios/`. */
  readonly script: string;
  readonly shape: Shape;
  readonly sockets: number;
  /** Groups that so many sockets are shared out over. */
  readonly groups: (sockets: number) => number;
  /** Messages per second of all publishers together. */
  readonly rate: number;
  readonly payloadBytes: number;
  /** True: groups are streams, and receivers follow them by `trunkline.v1.json`. */
  readonly isStream?: boolean;
  readonly action?: NodeAction;
  /** Connections per second that come, stay for two seconds and go. */
  readonly churnPerSecond?: number;
  /** Further members that do not read. */
  readonly slowSockets?: number;
  /** How often, and for how long, each receiver is away. */
  readonly away?: { readonly periodMs: number; readonly offlineMs: number };
}

const one = (): number => 1;

/** Sizes of Azure's performance guide: 2 KB; groups of 10, and groups of a tenth of all connections. */
const messages = {
  script: 'messages',
  shape: 'groups',
  sockets: 200,
  groups: one,
  payloadBytes: 2048,
} as const;

const following = {
  script: 'resume',
  shape: 'groups',
  sockets: 100,
  groups: one,
  rate: 10,
  payloadBytes: 2048,
  isStream: true,
} as const;

export const k6Scenarios: Readonly<Record<K6ScenarioName, K6Scenario>> = {
  fanout: { ...messages, rate: 10 },
  'large-groups': { ...messages, groups: () => 10, rate: 100 },
  'small-groups': { ...messages, groups: (sockets) => Math.ceil(sockets / 10), rate: 200 },
  'user-to-user': { ...messages, shape: 'users', rate: 500 },
  'rest-to-user': { ...messages, script: 'rest', shape: 'rest-users', rate: 200 },
  echo: { ...messages, script: 'echo', shape: 'echo', rate: 500 },
  'connect-storm': { ...messages, script: 'storm', shape: 'none', sockets: 1000, rate: 1 },
  churn: { ...messages, script: 'churn', rate: 10, churnPerSecond: 50 },
  resume: { ...following, away: { periodMs: 5000, offlineMs: 1000 } },
  // More than the kernel keeps for a reader on loopback, which is 4 MB, within the window.
  'slow-consumers': {
    ...messages,
    script: 'slow',
    sockets: 20,
    rate: 60,
    payloadBytes: 16_384,
    slowSockets: 5,
  },
  'rolling-restart': { ...following, action: 'rolling-restart' },
  'node-kill': { ...following, action: 'node-kill' },
};

/** False where each message is a request of its own: one that is repeated comes after later ones. */
export function publishesInOrder(name: K6ScenarioName): boolean {
  return !['rest', 'resume'].includes(k6Scenarios[name].script);
}

/** Why a cell of the matrix does not exist; undefined when it does. */
export function whyNoCell(
  name: K6ScenarioName,
  backplane: BackplaneName,
  nodes: number,
): string | undefined {
  const { action, isStream } = k6Scenarios[name];
  // Memory joins no nodes: a larger cluster would be the same single process again.
  if (backplane === 'memory' && nodes > 1) return 'memory joins no nodes';
  if (isStream !== true) return undefined;
  if (backplane === 'azure') return 'streams of several nodes need Redis or NATS as their store';
  if (action !== undefined && backplane === 'memory') {
    return 'a store in memory ends with its node';
  }
  return undefined;
}
