/** Holds the search for a shared port to what it finds and refuses. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { findSharedPort } from '../../../../gateway/workers/listening-place.ts';

describe('listening place', () => {
  test('findSharedPort: 0 becomes a free port, another stays', async () => {
    const port = await findSharedPort('127.0.0.1', 0, 'linux');
    assert.ok(port > 0);
    assert.equal(await findSharedPort('127.0.0.1', port, 'linux'), port);
  });

  test('findSharedPort: a port that is taken is named', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    // A server that listens on TCP has an address of this form.
    const { port } = server.address() as AddressInfo;
    await assert.rejects(findSharedPort('127.0.0.1', port, 'linux'), {
      code: 'cannot-listen',
      message: new RegExp(`127\\.0\\.0\\.1:${port} \\(EADDRINUSE\\)`),
    });
  });

  test('findSharedPort: systems that do not share ports are told what to do instead', async () => {
    for (const platform of ['darwin', 'win32'] as const) {
      await assert.rejects(findSharedPort('127.0.0.1', 0, platform), {
        code: 'bad-setting',
        message: new RegExp(`TRUNKLINE_WORKERS must be 1 on ${platform}.*load balancer`),
      });
    }
  });
});
