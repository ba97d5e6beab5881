/** The published service client sends again what it got no answer to: clients see it once. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { startLosingProxy } from '../support/losing-proxy.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import { groupDataUntilEnd, newService, serverDataUntilEnd, useGateway } from './suite.ts';

const gateway = useGateway();

/** A service client behind a proxy that can lose answers. */
async function unlucky(t: TestContext) {
  const proxy = await startLosingProxy(t, gateway().url);
  const service = newService(gateway(), {
    reverseProxyEndpoint: proxy.url,
    retryOptions: { maxRetries: 3, retryDelayInMs: 1, maxRetryDelayInMs: 2 },
  });
  return { proxy, service };
}

describe('retries of the service client', () => {
  test('a group: a send whose answer was lost arrives once', async (t) => {
    const { proxy, service } = await unlucky(t);
    const member = await startSdkClient(t, service, { token: { groups: ['g'] } });
    proxy.lose(2);
    await service.group('g').sendToAll({ order: 17 });
    const ids = proxy.passed.map(({ headers }) => headers['x-ms-client-request-id']);
    assert.equal(ids.length, 3);
    assert.equal(new Set(ids).size, 1);
    await service.group('g').sendToAll({ order: 17 });
    await service.group('g').sendToAll('end');
    // The second send is one of its own, although it says the same.
    assert.deepEqual(await groupDataUntilEnd(member), [{ order: 17 }, { order: 17 }]);
    assert.equal(proxy.passed.length, 5);
  });

  test('a user, a connection, everybody: once each', async (t) => {
    const { proxy, service } = await unlucky(t);
    const client = await startSdkClient(t, service, { token: { userId: 'anna' } });
    const sends = [
      () => service.sendToUser('anna', 'to the user'),
      () => service.sendToConnection(client.connectionId, 'to the connection'),
      () => service.sendToAll('to all'),
    ];
    for (const send of sends) {
      proxy.lose(1);
      await send();
    }
    await service.sendToAll('end');
    assert.equal(proxy.passed.length, 7);
    assert.deepEqual(await serverDataUntilEnd(client), [
      'to the user',
      'to the connection',
      'to all',
    ]);
  });
});
