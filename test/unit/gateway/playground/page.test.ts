/** The playground's answers: its files, its tokens, and to whom it refuses both. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { playgroundResponse } from '../../../../gateway/playground/page.ts';
import type { HttpRequest, HttpResponse } from '../../../../gateway/transport/transport.ts';

const context = {
  clientToken: (hub: string, userId: string) => `client ${hub} ${userId}`,
  serverToken: (path: string) => `server ${path}`,
};

interface Changes {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly remoteAddress?: string;
}

function ask(path: string, changes: Changes = {}): HttpResponse | undefined {
  const request: HttpRequest = {
    method: changes.method ?? 'GET',
    path,
    query: changes.query ?? '',
    headers: new Map(Object.entries({ host: '127.0.0.1:8080', ...changes.headers })),
    remoteAddress: changes.remoteAddress ?? '127.0.0.1',
  };
  return playgroundResponse(request, context);
}

const mint = (changes: Changes = {}): HttpResponse | undefined =>
  ask('/playground/token', { method: 'POST', query: 'hub=chat&user=anna', ...changes });

describe('playground page', () => {
  test('playground page: / is the page, with a policy that names this host', () => {
    const response = ask('/');
    assert.equal(response?.status, 200);
    assert.match(String(response.body), /<title>Trunkline playground/);
    const policy = response.headers?.['Content-Security-Policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /connect-src 'self' ws:\/\/127\.0\.0\.1:8080 /);
    assert.doesNotMatch(policy, /unsafe/);
  });

  test('playground page: every file that the page names is served', () => {
    const named = /(?:href|src)="(\/[^"]+)"/g;
    const paths = [...String(ask('/')?.body).matchAll(named)].map(([, path = '']) => path);
    assert.ok(paths.length >= 2);
    for (const path of [...paths, '/playground/pane.js', '/playground/frame-log.js']) {
      assert.equal(ask(path)?.status, 200, path);
    }
  });

  test('playground page: the page has no inline script and no inline style', () => {
    const html = String(ask('/')?.body);
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/);
  });

  test('playground page: HEAD has no body, other methods are refused', () => {
    assert.equal(ask('/', { method: 'HEAD' })?.body, undefined);
    assert.equal(ask('/', { method: 'POST' })?.status, 405);
    assert.equal(mint({ method: 'GET' })?.headers?.['Allow'], 'POST');
  });

  test('playground page: requests of others are left to others', () => {
    for (const path of ['/healthz', '/playground', '/playground/../etc/passwd', '/__proto__']) {
      assert.equal(ask(path), undefined, path);
    }
  });

  test('playground tokens: hub, user and path decide', () => {
    assert.equal(mint()?.body, '{"token":"client chat anna"}');
    const path = '/api/hubs/chat/users/b%20c/:send';
    const query = new URLSearchParams({ path }).toString();
    const response = ask('/playground/server-token', { method: 'POST', query });
    assert.equal(response?.body, `{"token":"server ${path}"}`);
  });

  test('playground tokens: a bad name is refused with the name of what is wrong', () => {
    for (const query of ['hub=&user=a', 'hub=1chat&user=a', 'user=a']) {
      const response = mint({ query });
      assert.equal(response?.status, 400, query);
      assert.match(String(response.body), /hub must/);
    }
    assert.match(String(mint({ query: 'hub=chat&user=%20' })?.body), /user must/);
    assert.match(String(mint({ query: `hub=chat&user=${'a'.repeat(129)}` })?.body), /got 129/);
    const wrong = ask('/playground/server-token', { method: 'POST', query: 'path=/client/' });
    assert.equal(wrong?.status, 400);
  });
});

describe('playground access', () => {
  const accepted: readonly Changes[] = [
    {},
    { headers: { host: 'localhost:8080', origin: 'http://localhost:8080' } },
    { headers: { host: '[::1]:8080', origin: 'http://[::1]:8080' }, remoteAddress: '::1' },
    { remoteAddress: '::ffff:127.0.0.1' },
    { remoteAddress: '0000:0000:0000:0000:0000:0000:0000:0001' },
    { remoteAddress: '0000:0000:0000:0000:0000:ffff:7f00:0001' },
    { headers: { origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' } },
    { headers: { host: 'app.localhost' } },
    { headers: { 'x-forwarded-for': '127.0.0.1' } },
  ];
  for (const changes of accepted) {
    test(`playground access: ${JSON.stringify(changes)} gets a token`, () => {
      assert.equal(mint(changes)?.status, 200);
    });
  }

  const refused: readonly Changes[] = [
    { remoteAddress: '192.168.1.20' },
    { headers: { 'x-forwarded-for': '192.168.1.20' } },
    { headers: { 'x-forwarded-for': '127.0.0.1, 10.0.0.1' } },
    { remoteAddress: '::ffff:10.0.0.1' },
    { remoteAddress: '' },
    { headers: { host: 'rebound.example:8080' } },
    { headers: { host: 'localhost.example' } },
    { headers: { host: '127.0.0.1.example' } },
    { headers: { host: '127.0.0.1:8080; script-src *' } },
    { headers: { host: '' } },
    { headers: { origin: 'http://127.0.0.1:3000' } },
    { headers: { origin: 'http://evil.example' } },
    { headers: { origin: 'null' } },
    { headers: { origin: '' } },
    { headers: { 'sec-fetch-site': 'cross-site' } },
    { headers: { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' } },
  ];
  for (const changes of refused) {
    test(`playground access: ${JSON.stringify(changes)} is refused`, () => {
      assert.equal(mint(changes)?.status, 403);
    });
  }

  test('playground access: a link from another site may open the page, a script may not', () => {
    const site = { 'sec-fetch-site': 'cross-site' };
    assert.equal(ask('/', { headers: { ...site, 'sec-fetch-mode': 'navigate' } })?.status, 200);
    assert.equal(ask('/', { headers: { ...site, 'sec-fetch-mode': 'no-cors' } })?.status, 403);
  });
});
