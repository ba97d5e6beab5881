/** The NATS backplane against the suite of all backplanes: old and current server, and a cluster. */
import { after, before, describe } from 'node:test';
import { NatsBackplane } from '../../backplanes/nats/nats-backplane.ts';
import { currentNats, freePort, installedNats, NatsServer, startCluster } from '../support/nats.ts';
import { backplaneConformance, type BackplanePair } from './backplane-suite.ts';

function pairOn(urlA: string, urlB: string): BackplanePair {
  const a = new NatsBackplane(urlA);
  const b = new NatsBackplane(urlB);
  return {
    a,
    b,
    close: async () => {
      await Promise.all([a.close(), b.close()]);
    },
  };
}

for (const program of [installedNats(), currentNats()]) {
  const { missing, name, path = '' } = program;

  describe(name, { skip: missing }, () => {
    let server: NatsServer | undefined;
    before(async () => {
      const config = 'authorization { user: "node", password: "p@ss:word" }';
      server = await new NatsServer(path, await freePort(), config).start();
    });
    after(() => server?.stop());

    backplaneConformance(name, {
      open: async () => {
        const url = `nats://node:p%40ss%3Aword@${server?.address}`;
        return pairOn(url, url);
      },
    });
  });

  describe(`cluster of ${name}`, { skip: missing }, () => {
    let servers: readonly NatsServer[] = [];
    before(async () => {
      servers = await startCluster(path);
    });
    after(() => Promise.all(servers.map((server) => server.stop())));

    backplaneConformance(`cluster of ${name}`, {
      open: async () => pairOn(servers[0]?.url ?? '', servers[1]?.url ?? ''),
    });
  });
}
