/** Who may connect and do what on NATS: right ways in, and clear words where something is wrong. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { nkeys } from '@nats-io/transport-node';
import { BackplaneUnavailableError } from '../../backplanes/backplane.ts';
import { NatsBackplane } from '../../backplanes/nats/nats-backplane.ts';
import type { NatsSettings } from '../../backplanes/nats/settings.ts';
import { BackplaneNode } from '../support/backplane-node.ts';
import { currentNats, freePort, installedNats, NatsServer } from '../support/nats.ts';
import { makeOperatorMode } from '../support/nats-operator.ts';
import { tlsCertificate, tlsKey } from '../support/tls-pair.ts';
import { waitFor } from '../support/wait.ts';

type Node = BackplaneNode<NatsBackplane>;

const key = 'g:hub:access';
const impatient = { startTimeoutMs: 1500, connectTimeoutMs: 500 };
const secret = 's3cret-not-to-be-told';

function makeNode(context: TestContext, url: string, settings: Partial<NatsSettings> = {}): Node {
  const node = new BackplaneNode(new NatsBackplane(url, settings));
  context.after(() => node.backplane.close());
  return node;
}

/** Starts a node that publishes to itself. */
async function assertWorks(context: TestContext, url: string): Promise<Node> {
  const node = makeNode(context, url);
  await node.start();
  await node.backplane.subscribe(key);
  await node.waitForFlow(key, node);
  return node;
}

async function assertRefused(context: TestContext, url: string, words: RegExp): Promise<void> {
  await assert.rejects(makeNode(context, url, impatient).start(), (error) => {
    assert.ok(error instanceof BackplaneUnavailableError);
    assert.match(error.message, words);
    assert.ok(!error.message.includes(secret), error.message);
    return true;
  });
}

function accountConfig(publish: string, subscribe: string): string {
  return `authorization { users: [ { user: node, password: "${secret}", permissions: {
    publish: "${publish}", subscribe: "${subscribe}" } } ] }`;
}

for (const { missing, name, path = '' } of [installedNats(), currentNats()]) {
  const serverFor = async (context: TestContext, config: string): Promise<NatsServer> => {
    const server = new NatsServer(path, await freePort(), config);
    context.after(() => server.stop());
    return server.start();
  };

  describe(`access to ${name}`, { skip: missing }, () => {
    test('user and password: the right ones work, wrong ones are named without their secret', async (context) => {
      const server = await serverFor(
        context,
        `authorization { user: node, password: "${secret}" }`,
      );
      await assertWorks(context, `nats://node:${secret}@${server.address}`);
      await assertRefused(
        context,
        `nats://node:${secret}x@${server.address}`,
        new RegExp(`NATS at ${server.address}: .*authentication was refused`),
      );
      await assertRefused(context, server.url, /authentication was refused/);
    });

    test('token and nkey: the right ones work, wrong ones are refused', async (context) => {
      const token = await serverFor(context, `authorization { token: "${secret}" }`);
      await assertWorks(context, `nats://${secret}@${token.address}`);
      await assertWorks(context, `nats://${token.address}?token=${secret}`);
      await assertRefused(context, `nats://${secret}x@${token.address}`, /authentication/);

      const pair = nkeys.createUser();
      const users = `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`;
      const nkey = await serverFor(context, users);
      const file = nkey.file('user.nk', `${Buffer.from(pair.getSeed()).toString()}\n`);
      await assertWorks(context, `${nkey.url}?nkey=${encodeURIComponent(file)}`);
      const missingFile = `${nkey.url}?nkey=${encodeURIComponent(`${file}.none`)}`;
      await assertRefused(context, missingFile, /does not exist .*user\.nk\.none/);
    });

    test('credentials file: the user of an account gets in, a stranger does not', async (context) => {
      const mode = makeOperatorMode();
      const server = await serverFor(context, mode.config);
      const file = (name: string, content: string): string =>
        encodeURIComponent(server.file(name, content));
      const own = file('user.creds', mode.credentials);
      await assertWorks(context, `${server.url}?credentials=${own}`);
      const strange = file('strange.creds', makeOperatorMode().credentials);
      await assertRefused(context, `${server.url}?credentials=${strange}`, /authentication/);
      const none = file('none.creds', 'nothing of use');
      await assertRefused(context, `${server.url}?credentials=${none}`, /credentials/);
    });

    test('prefixes: nodes with different ones do not hear each other', async (context) => {
      const server = await serverFor(context, '');
      const one = await assertWorks(context, `${server.url}?prefix=one`);
      const two = await assertWorks(context, `${server.url}?prefix=two.more`);
      await one.publish(key, 'only one');
      await two.waitForFlow(key, two);
      await one.waitForFlow(key, one);
      assert.ok(one.texts(key).includes('only one'));
      assert.ok(!two.texts(key).includes('only one'));
    });

    test('TLS first: a server that is silent until then can be used', async (context) => {
      if (name.includes(' 2.9.')) return context.skip('handshake_first came with 2.10');
      const server = await serverFor(context, '');
      const cert = server.file('cert.pem', tlsCertificate);
      const keyFile = server.file('key.pem', tlsKey);
      await server.kill();
      await server.start(
        `tls { cert_file: "${cert}", key_file: "${keyFile}", handshake_first: true }`,
      );
      const ca = encodeURIComponent(cert);
      await assertWorks(context, `nats+tls://${server.address}?ca=${ca}&tlsFirst=true`);
      await assertRefused(context, `nats+tls://${server.address}?ca=${ca}`, /no answer within/);
    });

    test('TLS: a trusted server works, an unknown authority and missing TLS are named', async (context) => {
      const server = await serverFor(context, '');
      const cert = server.file('cert.pem', tlsCertificate);
      const tlsKeyFile = server.file('key.pem', tlsKey);
      await server.kill();
      await assertRefused(context, `nats+tls://${server.address}`, /connection refused/);
      await server.start();
      await assertRefused(context, `nats+tls://${server.address}`, /the server has no TLS/);
      await server.kill();
      await server.start(`tls { cert_file: "${cert}", key_file: "${tlsKeyFile}" }`);
      const ca = encodeURIComponent(cert);
      await assertWorks(context, `nats+tls://localhost:${server.port}?ca=${ca}`);
      await assertWorks(context, `tls+nats://${server.address}?ca=${ca}`);
      await assertRefused(context, `nats+tls://${server.address}`, /TLS failed .*check ca/);
    });

    test('TLS with client certificates: only who has one gets in', async (context) => {
      const server = await serverFor(context, '');
      const cert = server.file('cert.pem', tlsCertificate);
      const keyFile = server.file('key.pem', tlsKey);
      await server.kill();
      await server.start(
        `tls { cert_file: "${cert}", key_file: "${keyFile}", ca_file: "${cert}", verify: true }`,
      );
      const ca = `ca=${encodeURIComponent(cert)}`;
      const own = `cert=${encodeURIComponent(cert)}&key=${encodeURIComponent(keyFile)}`;
      await assertWorks(context, `nats+tls://${server.address}?${ca}&${own}`);
      await assertRefused(context, `nats+tls://${server.address}?${ca}`, /Cannot use NATS/);
    });

    test('permissions: an account without the prefix is told what to grant', async (context) => {
      const server = await serverFor(context, accountConfig('trunkline.>', 'other.>'));
      const url = `nats://node:${secret}@${server.address}`;
      await assertRefused(context, url, /publish and subscribe on "trunkline\.>"/);
      await server.reload(accountConfig('trunkline.>', 'trunkline.>'));
      await assertWorks(context, url);
    });

    test('permissions taken away under way: nothing denied is acknowledged, deafness is told', async (context) => {
      const server = await serverFor(context, accountConfig('trunkline.>', 'trunkline.>'));
      const node = await assertWorks(context, `nats://node:${secret}@${server.address}`);
      await server.reload(accountConfig('trunkline.p.>', 'trunkline.>'));
      await waitFor(async () => (await node.publish(key, 'denied')) !== 'accepted', {
        what: 'the denial is effective',
      });
      const heard = node.texts(key).length;
      for (let round = 0; round < 20; round += 1) {
        assert.notEqual(await node.publish(key, 'denied'), 'accepted');
      }
      assert.equal(node.texts(key).length, heard);
      await server.reload(accountConfig('trunkline.>', 'trunkline.p.>'));
      await waitFor(() => !node.backplane.isUp(), { what: 'the deaf link is down' });
      await server.reload(accountConfig('trunkline.>', 'trunkline.>'));
      await node.waitForFlow(key, node);
      assert.ok(node.toldGap(key));
    });

    test('restart with another password: the reason is told, and the right one brings it back', async (context) => {
      const config = `authorization { user: node, password: "${secret}" }`;
      const server = await serverFor(context, config);
      const node = await assertWorks(context, `nats://node:${secret}@${server.address}`);
      await server.kill();
      await server.start('authorization { user: node, password: "another" }');
      await waitFor(
        () => node.links.some((link) => /^down .*authentication was refused/.test(link)),
        {
          what: 'the refusal is told',
        },
      );
      assert.equal(await node.publish(key, 'x'), 'unavailable');
      assert.ok(node.links.every((link) => !link.includes(secret)));
      await server.kill();
      await server.start(config);
      await node.waitForFlow(key, node);
    });
  });
}

describe('access to what is no NATS server', () => {
  test('nothing listens: start gives up in time and names every server', async (context) => {
    const [one, two] = [await freePort(), await freePort()];
    const url = `nats://node:${secret}@127.0.0.1:${one},127.0.0.1:${two}`;
    const names = `127\\.0\\.0\\.1:${one}, 127\\.0\\.0\\.1:${two} within 1500 ms`;
    await assertRefused(context, url, new RegExp(`${names}: .*connection refused`));
  });

  test('something else answers, or nothing is said: it is named', async (context) => {
    const silent = createServer();
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    for (const [server, words] of [
      [silent, /no answer within/],
      [other, /no NATS server/],
    ] as const) {
      const port = await freePort();
      await new Promise<void>((resolve) => {
        server.listen(port, '127.0.0.1', resolve);
      });
      context.after(() => server.close());
      const node = makeNode(context, `nats://127.0.0.1:${port}`, impatient);
      await assert.rejects(node.start(), words);
    }
  });
});
