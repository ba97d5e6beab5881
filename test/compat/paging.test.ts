/** Listing a group page by page, as the service client does it and as a raw caller would. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { GroupListConnectionsOptions, WebPubSubServiceClient } from '@azure/web-pubsub';
import { FrameClient } from '../support/frame-client.ts';
import { jsonSubprotocol, newService, rejection, rest, serviceOf, useGateway } from './suite.ts';

const gateway = useGateway();

/** Connections that are members of `g`; their ids. */
async function members(
  t: TestContext,
  service: WebPubSubServiceClient,
  count: number,
): Promise<Set<string>> {
  const { url } = await service.getClientAccessToken({ userId: 'anna', groups: ['g'] });
  const clients = await Promise.all(
    Array.from({ length: count }, () =>
      FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] }),
    ),
  );
  const ids = new Set<string>();
  for (const client of clients) {
    const { connectionId } = (await client.nextJson()) as { connectionId: string };
    ids.add(connectionId);
  }
  return ids;
}

/** Sizes of the pages and the ids on them. */
async function pagesOf(service: WebPubSubServiceClient, options: GroupListConnectionsOptions = {}) {
  const sizes: number[] = [];
  const ids: string[] = [];
  const list = await service.group('g').listConnections(options);
  for await (const page of list.byPage()) {
    sizes.push(page.length);
    ids.push(...page.map(({ connectionId }) => connectionId));
  }
  return { sizes, ids };
}

interface RawPage {
  readonly value: readonly { readonly connectionId: string; readonly userId?: string }[];
  readonly nextLink?: string;
}

describe('listConnections', () => {
  test('paging: every member once, whatever the size of the pages', async (t) => {
    const service = newService(gateway());
    const all = await members(t, service, 7);
    for (const [maxPageSize, expected] of [
      [undefined, [7]],
      [1, [1, 1, 1, 1, 1, 1, 1]],
      [3, [3, 3, 1]],
      [7, [7]],
      [200, [7]],
    ] as const) {
      const { ids, sizes } = await pagesOf(
        service,
        maxPageSize === undefined ? {} : { maxPageSize },
      );
      assert.deepEqual(sizes, expected);
      assert.deepEqual(new Set(ids), all);
      assert.equal(ids.length, all.size);
    }
  });

  test('paging: top bounds the whole list, over pages', async (t) => {
    const service = newService(gateway());
    const all = await members(t, service, 5);
    for (const [options, expected] of [
      [{ top: 3 }, [3]],
      [{ top: 3, maxPageSize: 2 }, [2, 1]],
      [{ top: 4, maxPageSize: 2 }, [2, 2]],
      [{ top: 5, maxPageSize: 5 }, [5]],
      [{ top: 100, maxPageSize: 4 }, [4, 1]],
    ] as const) {
      const { ids, sizes } = await pagesOf(service, options);
      assert.deepEqual(sizes, expected, JSON.stringify(options));
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(ids.every((id) => all.has(id)));
    }
  });

  test('paging: 200 to a page where the caller names no size', async (t) => {
    const service = newService(gateway());
    const all = await members(t, service, 205);
    const { ids, sizes } = await pagesOf(service);
    assert.deepEqual(sizes, [200, 5]);
    assert.deepEqual(new Set(ids), all);
  });

  test('paging: a group without members is one empty page', async () => {
    assert.deepEqual(await pagesOf(newService(gateway())), { sizes: [0], ids: [] });
  });

  test('continuation: nextLink can be followed, and its token used by itself', async (t) => {
    const service = newService(gateway());
    const all = await members(t, service, 3);
    const path = `/api/hubs/${service.hubName}/groups/g/connections?maxpagesize=2`;
    const first = (await (await rest(gateway(), path)).json()) as RawPage;
    assert.equal(first.value.length, 2);
    assert.deepEqual(Object.keys(first.value[0] ?? {}), ['connectionId', 'userId']);
    const nextLink = first.nextLink ?? '';
    assert.ok(nextLink.startsWith(`${gateway().url}/api/hubs/`));
    const second = (await (
      await rest(gateway(), nextLink.slice(gateway().url.length))
    ).json()) as RawPage;
    assert.equal(second.value.length, 1);
    assert.equal(second.nextLink, undefined);
    const ids = [...first.value, ...second.value].map(({ connectionId }) => connectionId);
    assert.deepEqual(new Set(ids), all);

    const continuationToken = new URL(nextLink).searchParams.get('continuationToken') ?? '';
    const { ids: remaining } = await pagesOf(service, { continuationToken });
    assert.deepEqual(remaining, [second.value[0]?.connectionId]);
  });

  test('continuation: it survives members that come and go between pages', async (t) => {
    const service = newService(gateway());
    const before = await members(t, service, 4);
    let later = new Set<string>();
    const seen: string[] = [];
    const list = await service.group('g').listConnections({ maxPageSize: 2 });
    for await (const page of list.byPage()) {
      seen.push(...page.map(({ connectionId }) => connectionId));
      const [first] = page;
      if (later.size > 0 || first === undefined) continue;
      await service.closeConnection(first.connectionId);
      later = await members(t, service, 2);
    }
    assert.equal(new Set(seen).size, seen.length);
    // Who was there all the time is listed; who came meanwhile may be.
    for (const id of before) assert.ok(seen.includes(id));
    assert.ok(seen.every((id) => before.has(id) || later.has(id)));
  });

  test('continuation: a token that is made up, or of another group, is 400', async (t) => {
    const service = newService(gateway());
    await members(t, service, 2);
    const path = `/api/hubs/${service.hubName}/groups/g/connections?maxpagesize=1`;
    const { nextLink = '' } = (await (await rest(gateway(), path)).json()) as RawPage;
    const continuationToken = new URL(nextLink).searchParams.get('continuationToken') ?? '';
    const attempts = [
      service.group('g').listConnections({ continuationToken: 'made up' }),
      service.group('h').listConnections({ continuationToken }),
      newService(gateway()).group('g').listConnections({ continuationToken }),
    ];
    for (const attempt of attempts) {
      const list = await attempt;
      const error = (await rejection(list.next())) as { statusCode?: number; message: string };
      assert.equal(error.statusCode, 400);
      assert.match(error.message, /continuationToken/);
    }
    const folded = serviceOf(gateway(), service.hubName.toUpperCase());
    const { ids } = await pagesOf(folded, { continuationToken });
    assert.equal(ids.length, 1);
  });

  test('arguments: sizes that are none are 400', async () => {
    const { hubName } = newService(gateway());
    for (const query of ['maxpagesize=0', 'maxpagesize=201', 'maxpagesize=x', 'top=0', 'top=-1']) {
      const response = await rest(gateway(), `/api/hubs/${hubName}/groups/g/connections?${query}`);
      assert.equal(response.status, 400, query);
      const { target } = (await response.json()) as { target: string };
      assert.equal(target, query.split('=')[0]);
    }
  });
});
