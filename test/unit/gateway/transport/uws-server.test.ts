/** Listening and its end: ports, addresses, TLS, and settings that must be refused with a sentence. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { GatewayError } from '../../../../gateway/errors.ts';
import { loadUws } from '../../../../gateway/transport/load-uws.ts';
import { strangeTlsKey, tlsCertificate, tlsKey } from '../../../support/tls-pair.ts';
import {
  findFreePort,
  firstSocket,
  openClient,
  startServer,
  until,
} from '../../../support/transport-harness.ts';

function isError(code: string, ...parts: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.code, code);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  };
}

describe('server: listening', () => {
  test('listen: a second exclusive server on the port is refused with a remedy', async (t) => {
    const { port } = await startServer(t);
    await assert.rejects(
      startServer(t, { port }),
      isError('cannot-listen', `127.0.0.1:${port}`, 'EADDRINUSE', 'TRUNKLINE_PORT'),
    );
  });

  test('listen: a shared port cannot be taken while an exclusive server has it', async (t) => {
    const port = await findFreePort();
    await startServer(t, { port });
    await assert.rejects(startServer(t, { port, exclusive: false }), isError('cannot-listen'));
  });

  test('listen: servers that are not exclusive share a port', async (t) => {
    if (process.platform !== 'linux') {
      t.skip('only the Linux kernel is known to spread connections');
      return;
    }
    const port = await findFreePort();
    await startServer(t, { port, exclusive: false });
    const second = await startServer(t, { port, exclusive: false });
    assert.equal(second.port, port);
  });

  test('listen: an address that this machine does not have is named', async (t) => {
    await assert.rejects(
      startServer(t, { host: '203.0.113.7' }),
      isError('cannot-listen', '203.0.113.7', 'EADDRNOTAVAIL', 'TRUNKLINE_HOST'),
    );
  });

  for (const [host, address] of [
    ['', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['::1', '[::1]'],
    ['localhost', 'localhost'],
  ] as const) {
    test(`listen: host ${JSON.stringify(host)} answers on ${address}`, async (t) => {
      const { port } = await startServer(t, {
        host,
        handlers: { onRequest: ({ remoteAddress }) => ({ status: 200, body: remoteAddress }) },
      });
      const text = await (await fetch(`http://${address}:${port}/`)).text();
      assert.ok(text === '127.0.0.1' || text === '::1', text);
      if (address === '[::1]') assert.equal(text, '::1');
    });
  }

  test('stopAccepting: new connections are refused, open ones go on', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    const handler = await firstSocket(harness);
    harness.server.stopAccepting();
    harness.server.stopAccepting();
    await assert.rejects(openClient(t, harness.port));
    client.ws.send('still here');
    await until(() => handler.frames.length === 1, 'the frame arrived');
  });

  test('close: every socket is told once, the port is free again, twice is harmless', async (t) => {
    const harness = await startServer(t, { port: await findFreePort() });
    const client = await openClient(t, harness.port);
    const handler = await firstSocket(harness);
    harness.server.close();
    harness.server.close();
    assert.equal((await client.closed).code, 1006);
    await until(() => handler.closes.length === 1, 'the close is told');
    assert.equal(handler.closes[0]?.code, 1006);
    assert.equal(handler.socket.isOpen, false);
    assert.equal(harness.server.connections, 0);
    await startServer(t, { port: harness.port });
  });

  test('settings: an idle timeout that native code would abort on is refused', async (t) => {
    await assert.rejects(
      startServer(t, { limits: { idleTimeoutSeconds: 5 } }),
      isError('bad-setting', 'idleTimeoutSeconds', '8..960', '5'),
    );
  });
});

interface Files {
  readonly key?: string;
  readonly cert?: string;
}

function writePair(t: TestContext, files: Files): { keyFile: string; certFile: string } {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-tls-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const keyFile = join(folder, 'the-key.pem');
  const certFile = join(folder, 'the-cert.pem');
  if (files.key !== undefined) writeFileSync(keyFile, files.key);
  if (files.cert !== undefined) writeFileSync(certFile, files.cert);
  return { keyFile, certFile };
}

describe('server: TLS', () => {
  test('tls: requests and sockets work, their faults too', async (t) => {
    const tls = writePair(t, { key: tlsKey, cert: tlsCertificate });
    const harness = await startServer(t, { tls });
    const client = await openClient(t, harness.port, { ca: tlsCertificate });
    const handler = await firstSocket(harness);
    client.ws.send('over TLS');
    await until(() => handler.frames.length === 1, 'the frame arrived');
    assert.equal(handler.socket.write([{ bytes: Buffer.from('a'), isBinary: false }]), 0);
    await until(() => client.messages.length === 1, 'the answer arrived');
    const status = await new Promise((resolve, reject) => {
      const target = { port: harness.port, host: '127.0.0.1', ca: tlsCertificate, agent: false };
      const outgoing = request(target, (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      });
      outgoing.on('error', reject).end();
    });
    assert.equal(status, 200);
    handler.socket.end(1001, 'bye');
    assert.deepEqual(await client.closed, { code: 1001, reason: 'bye' });
    assert.equal(handler.socket.send({ bytes: Buffer.from('a'), isBinary: false }), 'dropped');
  });

  const unfit: readonly (readonly [string, Files, string])[] = [
    ['a missing key', { cert: tlsCertificate }, 'the-key.pem'],
    ['a missing certificate', { key: tlsKey }, 'the-cert.pem'],
    ['a key that is no key', { key: 'nonsense', cert: tlsCertificate }, 'the-key.pem'],
    ['a certificate that is none', { key: tlsKey, cert: 'nonsense' }, 'the-cert.pem'],
    ['files of two pairs', { key: strangeTlsKey, cert: tlsCertificate }, 'does not belong'],
  ];
  for (const [what, files, part] of unfit) {
    test(`tls: ${what} is refused, naming the file`, async (t) => {
      const tls = writePair(t, files);
      await assert.rejects(startServer(t, { tls }), isError('bad-setting', part));
    });
  }
});

describe('loader', () => {
  for (const [nodeMajor, first] of [
    [20, 'uWebSockets.js'],
    [22, 'uWebSockets.js'],
    [24, 'uWebSockets.js-next'],
    [26, 'uWebSockets.js-next'],
  ] as const) {
    test(`loader: Node.js ${nodeMajor} tries ${first} first, then the other`, () => {
      const tried: string[] = [];
      const fake = { name: 'the other one' };
      const load = (name: string): unknown => {
        tried.push(name);
        if (tried.length === 1) throw new Error('no binary');
        return fake;
      };
      assert.equal(loadUws({ headerBytesMax: 8192, load, nodeMajor }), fake);
      assert.equal(tried[0], first);
      assert.equal(new Set(tried).size, 2);
    });
  }

  test('loader: where neither loads it says what is here and what to do', () => {
    const load = (): unknown => {
      throw new Error('no binary');
    };
    assert.throws(
      () => loadUws({ headerBytesMax: 8192, load }),
      isError(
        'no-native-binary',
        process.platform,
        process.arch,
        process.versions.node,
        'glibc',
        'github:uNetworking/uWebSockets.js',
      ),
    );
  });
});
