/** Three NATS servers joined by routes, with JetStream on each; streams are kept on all of them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from '../../bench/cluster/guard.ts';
import { Member } from '../../bench/cluster/member.ts';
import { speaks } from '../../bench/cluster/probes.ts';
import { freePort } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { JetStreamLine, type JetStreamInfo } from './jetstream-line.ts';
import { crash, type LossBroker } from './loss-broker.ts';

const size = 3;
const formMsMax = 40_000;

interface Server {
  readonly name: string;
  readonly port: number;
  readonly member: Member;
}

/** Not started. */
export async function natsCluster(guard: Guard): Promise<LossBroker> {
  const servers = serversOf(guard, await portsOf(2 * size));
  const ports = servers.map(({ port }) => port);
  const members = servers.map(({ member }) => member);
  const leads = (): Promise<boolean> => hasLeaders(ports);
  const forms = {
    what: 'the servers have joined and every stream has a leader',
    deadlineMs: formMsMax,
  };
  return {
    ports,
    isProxied: true,
    urlOf: (given) => {
      const list = given.map((port) => `127.0.0.1:${port}`).join(',');
      return `nats://${list}?replicas=${size}`;
    },
    faults: [
      {
        name: 'leader-kill',
        run: async ({ random }) => {
          const leaderName = await streamLeader(ports);
          const leader = servers.find(({ name }) => name === leaderName);
          await crash((leader ?? random.pick(servers)).member, 500 + random.below(1500));
          await waitFor(leads, forms);
        },
      },
      {
        // It is behind when it goes on; who still is connected to it must not be given that for the truth.
        name: 'stale-follower',
        run: async ({ random }) => {
          const leaderName = await streamLeader(ports);
          const { member } = random.pick(servers.filter(({ name }) => name !== leaderName));
          member.signal('SIGSTOP');
          await sleep(2000 + random.below(4000));
          member.signal('SIGCONT');
          await waitFor(leads, forms);
        },
      },
    ],
    dataFaults: [],
    start: async () => {
      await Promise.all(members.map((member) => member.start()));
      await waitFor(leads, forms);
    },
    crash: async (random, downMs) => {
      await crash(random.pick(members), downMs);
      await waitFor(leads, forms);
    },
    stop: async () => {
      await Promise.all(members.map((member) => member.stop()));
    },
  };
}

async function portsOf(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

function serversOf(guard: Guard, ports: readonly number[]): readonly Server[] {
  const routes = ports.slice(size).map((port) => `"nats-route://127.0.0.1:${port}"`);
  return ports.slice(0, size).map((port, index) => {
    const name = `s${index}`;
    const folder = join(guard.folder, `nats-${name}`);
    mkdirSync(folder);
    const config = join(folder, 'server.conf');
    // Without advertising: a gateway must not learn of a way past its proxies.
    const text = `listen: "127.0.0.1:${port}"
server_name: ${name}
jetstream { store_dir: "${folder}" }
cluster {
  name: loss, listen: "127.0.0.1:${ports[size + index]}", no_advertise: true
  routes: [${routes.join(', ')}]
}
`;
    writeFileSync(config, text);
    const member = new Member({
      command: { name: `nats-server ${name}`, command: 'nats-server', args: ['-c', config] },
      guard,
      isReady: () => speaks(port, '', 'INFO '),
      onDeath: () => undefined,
    });
    return { name, port, member };
  });
}

async function hasLeaders(ports: readonly number[]): Promise<boolean> {
  const all = await Promise.all(ports.map(infosAt));
  return all.every(
    (infos) =>
      infos?.every(
        ({ cluster }) =>
          (cluster?.leader ?? '') !== '' &&
          (cluster?.replicas ?? []).every(({ current }) => current),
      ) === true,
  );
}

async function streamLeader(ports: readonly number[]): Promise<string | undefined> {
  for (const port of ports) {
    const infos = await infosAt(port);
    const leader = infos?.find(({ cluster }) => cluster?.leader !== undefined)?.cluster?.leader;
    if (leader !== undefined) return leader;
  }
  return undefined;
}

/** undefined: JetStream does not answer yet. */
function infosAt(port: number): Promise<readonly JetStreamInfo[] | undefined> {
  return new JetStreamLine(port).infos().catch(() => undefined);
}
