/** Filters of the REST API: which connections they choose, and how they are refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { odata } from '@azure/web-pubsub';
import { startSdkClient, type SdkClient } from '../support/sdk-client.ts';
import { newService, rejection, serverDataUntilEnd, useGateway } from './suite.ts';

const gateway = useGateway();

/** Filter to the connections that it chooses, of: anna in a and b, ben in b, o'hara, and nobody. */
const filters: Readonly<Record<string, string>> = {
  "userId eq 'anna'": 'anna',
  "USERID eq 'anna'": 'anna',
  "userId ne 'anna'": "ben o'hara nobody",
  'userId eq null': 'nobody',
  'not (userId eq null)': "anna ben o'hara",
  "userId eq 'o''hara'": "o'hara",
  "'a' in groups": 'anna',
  "'b' in groups and userId ne 'ben'": 'anna',
  "not ('b' in groups)": "o'hara nobody",
  "'A' in groups": '',
  'length(groups) eq 0': "o'hara nobody",
  'length(groups) gt 1 or userId eq null': 'anna nobody',
  'length(userId) ge 4': "anna o'hara",
  "userId in ('anna', 'ben')": 'anna ben',
  "startswith(userId, 'a') or endswith(userId, 'n')": 'anna ben',
  "contains(userId, 'nn')": 'anna',
  "toupper(userId) eq 'ANNA'": 'anna',
  "substring(userId, 1, 2) eq 'nn'": 'anna',
  "indexof(userId, 'e') eq 1": 'ben',
  "concat(userId, '!') eq 'ben!'": 'ben',
  'length(connectionId) gt 0': "anna ben o'hara nobody",
  "connectionId eq 'not there'": '',
};

describe('filters', () => {
  test('filters: each chooses the same connections in sendToAll, sendToGroup and groups', async (t) => {
    const service = newService(gateway());
    const clients: Record<string, SdkClient> = {};
    for (const [name, groups] of [
      ['anna', ['a', 'b']],
      ['ben', ['b']],
      ["o'hara", []],
      ['nobody', []],
    ] as const) {
      const token = name === 'nobody' ? {} : { userId: name };
      clients[name] = await startSdkClient(t, service, { token: { ...token, groups } as object });
    }
    for (const filter of Object.keys(filters)) await service.sendToAll(filter, { filter });
    await service.sendToAll('end');
    const chosen: Record<string, string[]> = {};
    for (const filter of Object.keys(filters)) chosen[filter] = [];
    for (const [name, client] of Object.entries(clients)) {
      for (const filter of await serverDataUntilEnd(client)) chosen[String(filter)]?.push(name);
    }
    const joined = Object.entries(chosen).map(([filter, names]) => [filter, names.join(' ')]);
    assert.deepEqual(Object.fromEntries(joined), filters);
  });

  test('filters: excluded connections stay out whatever the filter says', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service, { token: { userId: 'anna' } });
    const ben = await startSdkClient(t, service, { token: { userId: 'ben' } });
    const filter = "userId in ('anna', 'ben')";
    await service.sendToAll('x', { filter, excludedConnections: [anna.connectionId] });
    await service.sendToAll('end');
    assert.deepEqual(await serverDataUntilEnd(anna), []);
    assert.deepEqual(await serverDataUntilEnd(ben), ['x']);
  });

  test('filters: groups are those of the moment', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service);
    const options = { filter: "'g' in groups" };
    await service.sendToAll('before', options);
    await anna.client.joinGroup('g');
    await service.sendToAll('while', options);
    await anna.client.leaveGroup('g');
    await service.sendToAll('after', options);
    await service.sendToAll('end');
    assert.deepEqual(await serverDataUntilEnd(anna), ['while']);
  });

  test('odata: what the SDK quotes is read back', async (t) => {
    const service = newService(gateway());
    const userId = "vic's ü 'quoted'";
    const vic = await startSdkClient(t, service, { token: { userId } });
    const nobody: unknown = null;
    await service.sendToAll('vic', { filter: odata`userId eq ${userId}` });
    await service.sendToAll('a user', { filter: odata`userId ne ${nobody}` });
    await service.sendToAll('end');
    assert.deepEqual(await serverDataUntilEnd(vic), ['vic', 'a user']);
  });

  test('a filter that is none: 400 in Azure’s words, for every operation that has one', async () => {
    const service = newService(gateway());
    const filter = 'invalid filter';
    const attempts = [
      service.sendToAll('x', { filter }),
      service.sendToUser('anna', 'x', { filter }),
      service.group('g').sendToAll('x', { filter }),
      service.addConnectionsToGroups(['g'], filter),
      service.removeConnectionsFromGroups(['g'], filter),
    ];
    for (const attempt of attempts) {
      const { code, message, name, statusCode } = (await rejection(attempt)) as Error &
        Record<string, unknown>;
      assert.equal(name, 'RestError');
      assert.equal(statusCode, 400);
      assert.equal(code, 'bad-filter');
      assert.equal(
        message,
        "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. " +
          "(Parameter 'filter')",
      );
    }
  });

  test('a filter of the wrong type: 400 with what was expected', async () => {
    const error = await rejection(newService(gateway()).sendToAll('x', { filter: 'null' }));
    assert.equal(
      (error as Error).message,
      "Invalid syntax for 'null': Type 'null', expect 'bool'. (Parameter 'filter')",
    );
  });
});
