/** Makes the plan of one k6 run: who connects where, with tokens signed here, and when what is due. */
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { K6Options, K6ScenarioName } from './options.ts';
import type { Plan, ReceiverSocket, Schedule, Target } from './plan.ts';

const hub = 'bench';
const subprotocol = 'json.webpubsub.azure.v1';
const apiVersion = '2024-12-01';
/** k6 keeps a JavaScript engine per VU and runs each on one thread: a few sockets share one. */
const socketsPerVu = 50;
const fanoutPublishers = 4;
const restPublishers = 2;
/** For k6 to start its engines, and then for each socket to connect. */
const startMs = 2000;
const connectMsPerSocket = 5;
const drainMs = 2000;

const ratesOfScenarios: Readonly<Record<K6ScenarioName, number>> = {
  fanout: 40,
  'user-to-user': 200,
};

export function makePlan(scenario: K6ScenarioName, cluster: Cluster, options: K6Options): Plan {
  const endpoints = options.viaNginx ? [cluster.url] : cluster.nodes.map(({ url }) => url);
  const { accessKey } = cluster;
  const rest = {
    subprotocol,
    schedule: scheduleOf(options),
    rate: options.rate ?? ratesOfScenarios[scenario],
    payloadBytes: options.payloadBytes,
  };
  const connect = (index: number, userId: string, groups: readonly string[]): string => {
    const endpoint = endpoints[index % endpoints.length] ?? cluster.url;
    const roles = ['webpubsub.sendToGroup'];
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles, groups });
    return clientUrl(endpoint, hub, token);
  };
  if (scenario === 'fanout') {
    const targets = Array.from({ length: options.groups }, (_, group) => ({
      name: `group${String(group)}`,
      receivers: 0,
    }));
    const sockets = Array.from({ length: options.sockets }, (_, index): ReceiverSocket => {
      // Division, not remainder: then the members of each group are on every node.
      const target = Math.floor((index * options.groups) / options.sockets);
      const group = targets[target];
      if (group !== undefined) group.receivers++;
      return { url: connect(index, `user${String(index)}`, [group?.name ?? '']), target };
    });
    const publishers = Array.from({ length: fanoutPublishers }, (_, index) => ({
      url: connect(index, `publisher${String(index)}`, []),
    }));
    return { ...rest, targets, receivers: shareOut(sockets), publishers };
  }
  const users = Array.from({ length: options.sockets }, (_, index) => `user${String(index)}`);
  const targets = users.map((user, index): Target => {
    // The node after the user's own: with more than one node every message crosses the backplane.
    const endpoint = endpoints[(index + 1) % endpoints.length] ?? cluster.url;
    const path = `/api/hubs/${hub}/users/${user}/:send`;
    const sendUrl = `${endpoint}${path}?api-version=${apiVersion}`;
    const authorization = `Bearer ${signServerToken({ accessKey, url: sendUrl })}`;
    return { name: user, receivers: 1, sendUrl, authorization };
  });
  const sockets = users.map((user, target) => ({ url: connect(target, user, []), target }));
  const publishers = Array.from({ length: restPublishers }, () => ({ url: '' }));
  return { ...rest, targets, receivers: shareOut(sockets), publishers };
}

function scheduleOf({ sockets, warmupSeconds, windowSeconds }: K6Options): Schedule {
  const publishFromMs = startMs + sockets * connectMsPerSocket;
  const windowFromMs = publishFromMs + warmupSeconds * 1000;
  const windowUntilMs = windowFromMs + windowSeconds * 1000;
  return { publishFromMs, windowFromMs, windowUntilMs, endMs: windowUntilMs + drainMs };
}

/** Neighbours, who are on different nodes, share a VU. */
function shareOut(sockets: readonly ReceiverSocket[]): readonly (readonly ReceiverSocket[])[] {
  const vus: ReceiverSocket[][] = [];
  for (let from = 0; from < sockets.length; from += socketsPerVu) {
    vus.push(sockets.slice(from, from + socketsPerVu));
  }
  return vus;
}
