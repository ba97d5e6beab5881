/** Makes the plan of one k6 run: who connects where, with tokens signed here, and when what is due. */
import type { Cluster } from '../cluster/cluster.ts';
import { k6Scenarios, type K6Scenario, type K6ScenarioName } from './catalog.ts';
import { K6Keys } from './keys.ts';
import type { K6Options } from './options.ts';
import type { Plan, ReceiverSocket, Schedule, Target } from './plan.ts';

/** k6 keeps a JavaScript engine per VU and runs each on one thread: a few sockets share one. */
const socketsPerVu = 50;
const publishersOnSockets = 4;
const publishersOnRest = 2;
/** For k6 to start its engines, and then for each socket to connect. */
const startMs = 2000;
const connectMsPerSocket = 5;
const drainMs = 2000;
/** For who was away to come back and catch up. */
const followDrainMs = 6000;
const churnUsers = 200;

export type ClusterAddress = Pick<Cluster, 'accessKey' | 'url'> & {
  readonly nodes: readonly { readonly url: string }[];
};

/** The sizes of a scenario, with what the command line changes. */
export interface Sizes {
  readonly sockets: number;
  readonly groups: number;
  readonly rate: number;
  readonly payloadBytes: number;
}

export function sizesOf(scenario: K6Scenario, options: K6Options): Sizes {
  const sockets = options.sockets ?? scenario.sockets;
  return {
    sockets,
    groups: Math.min(sockets, options.groups ?? scenario.groups(sockets)),
    rate: options.rate ?? scenario.rate,
    payloadBytes: options.payloadBytes ?? scenario.payloadBytes,
  };
}

export function makePlan(name: K6ScenarioName, cluster: ClusterAddress, options: K6Options): Plan {
  const scenario = k6Scenarios[name];
  const sizes = sizesOf(scenario, options);
  const endpoints = options.viaNginx ? [cluster.url] : cluster.nodes.map(({ url }) => url);
  const keys = new K6Keys(cluster.accessKey, endpoints);
  const { targets, receivers, publishers } = parts(scenario, sizes, keys);
  const base: Plan = {
    subprotocol: scenario.isStream === true ? 'trunkline.v1.json' : 'json.webpubsub.azure.v1',
    schedule: scheduleOf(scenario, sizes.sockets, options),
    rate: sizes.rate,
    payloadBytes: sizes.payloadBytes,
    targets,
    receivers,
    publishers,
  };
  const churners = Array.from({ length: churnUsers }, (_, i) =>
    keys.socket(i, `churn${String(i)}`, [groupName(scenario, 0)]),
  );
  const slow = Array.from({ length: scenario.slowSockets ?? 0 }, (_, i) =>
    keys.socket(i, `slow${String(i)}`, [groupName(scenario, 0)]),
  );
  return {
    ...base,
    ...(scenario.churnPerSecond === undefined
      ? {}
      : { churn: { urls: churners, perSecond: scenario.churnPerSecond } }),
    ...(slow.length === 0 ? {} : { slow }),
    ...(scenario.away === undefined ? {} : { away: scenario.away }),
  };
}

type Parts = Pick<Plan, 'targets' | 'receivers' | 'publishers'>;

function parts(scenario: K6Scenario, sizes: Sizes, keys: K6Keys): Parts {
  switch (scenario.shape) {
    case 'groups':
      return groupParts(scenario, sizes, keys);
    case 'users':
      return userParts(sizes.sockets, keys);
    case 'rest-users':
      return restParts(sizes.sockets, keys);
    case 'echo':
      return echoParts(sizes.sockets, keys);
    case 'none':
      return { ...socketParts(sizes.sockets, keys), targets: [], publishers: [{ url: '' }] };
  }
}

function groupName({ isStream }: K6Scenario, group: number): string {
  // Groups whose names begin so are streams in the settings of the cluster.
  return `${isStream === true ? 'stream' : 'group'}${String(group)}`;
}

function groupParts(scenario: K6Scenario, { sockets, groups }: Sizes, keys: K6Keys): Parts {
  const counts = Array.from({ length: groups }, () => 0);
  const receivers = Array.from({ length: sockets }, (_, index): ReceiverSocket => {
    // Division, not remainder: then the members of each group are on every node.
    const target = Math.floor((index * groups) / sockets);
    counts[target] = (counts[target] ?? 0) + 1;
    const inGroups = scenario.isStream === true ? [] : [groupName(scenario, target)];
    return { urls: keys.sockets(index, `user${String(index)}`, inGroups), target };
  });
  const targets = counts.map((count, group): Target => {
    const name = groupName(scenario, group);
    const path = `groups/${name}`;
    return {
      name,
      receivers: count,
      ...(scenario.isStream === true ? keys.sends(group, path) : {}),
    };
  });
  return {
    targets,
    receivers: shareOut(receivers),
    publishers: publishersOf(
      scenario.isStream === true ? publishersOnRest : publishersOnSockets,
      keys,
    ),
  };
}

/** A group of one stands for a user: clients of the JSON subprotocol address groups only. */
function userParts(sockets: number, keys: K6Keys): Parts {
  const count = Math.max(1, Math.floor(sockets / publishersOnSockets)) * publishersOnSockets;
  const targets = Array.from({ length: count }, (_, i) => ({
    name: `user${String(i)}`,
    receivers: 1,
  }));
  const receivers = targets.map(({ name }, target) => {
    // Publisher p sends to every fourth target from p on, and is on node p: its receivers on the next.
    const node = (target % publishersOnSockets) + 1;
    return { urls: keys.sockets(node, name, [name]), target };
  });
  return {
    targets,
    receivers: shareOut(receivers),
    publishers: publishersOf(publishersOnSockets, keys),
  };
}

function restParts(sockets: number, keys: K6Keys): Parts {
  const users = Array.from({ length: sockets }, (_, index) => `user${String(index)}`);
  const targets = users.map((user, index): Target => {
    // The node after the user's own: with more than one node every message crosses the backplane.
    return { name: user, receivers: 1, ...keys.sends(index + 1, `users/${user}`) };
  });
  const receivers = users.map((user, target) => ({ urls: keys.sockets(target, user, []), target }));
  const publishers = Array.from({ length: publishersOnRest }, () => ({ url: '' }));
  return { targets, receivers: shareOut(receivers), publishers };
}

/** Each VU has the targets whose numbers are its own modulo the number of VUs, and sends to them. */
function echoParts(sockets: number, keys: K6Keys): Parts {
  const vus = Math.ceil(sockets / socketsPerVu);
  const count = Math.max(1, Math.floor(sockets / vus)) * vus;
  const targets = Array.from({ length: count }, (_, i) => ({
    name: `own${String(i)}`,
    receivers: 1,
  }));
  const receivers = Array.from({ length: vus }, (_, vu) =>
    targets.flatMap(({ name }, target) =>
      target % vus === vu ? [{ urls: keys.sockets(target, name, [name]), target }] : [],
    ),
  );
  return { targets, receivers, publishers: receivers.map(() => ({ url: '' })) };
}

function socketParts(sockets: number, keys: K6Keys): Pick<Plan, 'receivers'> {
  const all = Array.from({ length: sockets }, (_, i) => ({
    urls: keys.sockets(i, `user${String(i)}`, []),
    target: 0,
  }));
  return { receivers: shareOut(all) };
}

function publishersOf(count: number, keys: K6Keys): Plan['publishers'] {
  return Array.from({ length: count }, (_, i) => ({
    url: keys.socket(i, `publisher${String(i)}`, []),
  }));
}

function scheduleOf(scenario: K6Scenario, sockets: number, options: K6Options): Schedule {
  // In a storm nobody is connected before.
  const early = scenario.shape === 'none' ? 0 : sockets;
  const publishFromMs = startMs + early * connectMsPerSocket;
  const windowFromMs = publishFromMs + options.warmupSeconds * 1000;
  const windowUntilMs = windowFromMs + options.windowSeconds * 1000;
  return {
    publishFromMs,
    windowFromMs,
    actionMs: windowFromMs + (windowUntilMs - windowFromMs) / 3,
    windowUntilMs,
    endMs: windowUntilMs + (scenario.isStream === true ? followDrainMs : drainMs),
  };
}

/** Neighbours, who are on different nodes, share a VU. */
function shareOut(sockets: readonly ReceiverSocket[]): readonly (readonly ReceiverSocket[])[] {
  const vus: ReceiverSocket[][] = [];
  for (let from = 0; from < sockets.length; from += socketsPerVu) {
    vus.push(sockets.slice(from, from + socketsPerVu));
  }
  return vus;
}
