/** URLs of NATS servers: what they say, and what is told about wrong ones. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackplaneUnavailableError } from '../../../../backplanes/backplane.ts';
import {
  addressText,
  parseAddress,
  parseNatsUrl,
  type NatsUrl,
} from '../../../../backplanes/nats/nats-url.ts';

const anonymous: NatsUrl['identity'] = {
  user: undefined,
  password: undefined,
  token: undefined,
  credentialsFile: undefined,
  nkeyFile: undefined,
};
const noFiles = {
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  handshakeFirst: false,
};

describe('NATS URL', () => {
  test('one server: port and everything else have defaults', () => {
    assert.deepEqual(parseNatsUrl('nats://broker'), {
      servers: [{ host: 'broker', port: 4222 }],
      identity: anonymous,
      tls: undefined,
      prefix: undefined,
      replicas: undefined,
    });
  });

  test('a cluster: servers in order, IPv6 in brackets, one user for all', () => {
    const url = parseNatsUrl('NATS://me:p%40ss%3A@a:1,[::1]:2,c/?prefix=eu.chat');
    assert.deepEqual(url.servers.map(addressText), ['a:1', '[::1]:2', 'c:4222']);
    assert.deepEqual(url.identity, { ...anonymous, user: 'me', password: 'p@ss:' });
    assert.equal(url.prefix, 'eu.chat');
  });

  test('a cluster: the forms in which people write lists mean the same', () => {
    const servers = [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ];
    for (const text of [
      'nats://me:pw@a:1,b:2',
      'nats://me:pw@a:1,me:pw@b:2',
      'nats://me:pw@a:1,nats://me:pw@b:2',
    ]) {
      const url = parseNatsUrl(text);
      assert.deepEqual([url.servers, url.identity.password], [servers, 'pw'], text);
    }
  });

  test('identities: a lone name is a token; files and tokens come as options', () => {
    const identity = (text: string): NatsUrl['identity'] => parseNatsUrl(text).identity;
    assert.equal(identity('nats://t0ken@a').token, 't0ken');
    assert.equal(identity('nats://a?token=x').token, 'x');
    assert.equal(identity('nats://a?credentials=/run/x.creds').credentialsFile, '/run/x.creds');
    assert.equal(identity('nats://a?nkey=/run/x.nk').nkeyFile, '/run/x.nk');
    assert.deepEqual(identity('nats://u:@a'), { ...anonymous, user: 'u', password: '' });
  });

  test('TLS: both schemes, with and without files', () => {
    assert.deepEqual(parseNatsUrl('nats+tls://a').tls, noFiles);
    assert.deepEqual(parseNatsUrl('tls+nats://a?ca=/ca&cert=/c&key=/k&tlsFirst=true').tls, {
      caFile: '/ca',
      certFile: '/c',
      keyFile: '/k',
      handshakeFirst: true,
    });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['nats:a:4222', /is none: write nats:\/\/host:port/],
    ['redis://a', /is none/],
    ['nats://', /has no host:port in ""/],
    ['nats://a,,b', /has no host:port in ""/],
    ['nats://a:0', /has no host:port in "a:0"/],
    ['nats://a:65536', /has no host:port/],
    ['nats://a:b', /has no host:port/],
    ['nats://me:secret@a,me:secret2@b', /several users/],
    ['nats://me:sec@ret@a', /several users: .*%40/],
    ['nats://me:secret,x@a', /has no host:port: .*%2C/],
    ['nats://me:sec%ret@a', /wrong percent-encoding/],
    ['nats://me:secret@a?token=secret', /identifies in several ways/],
    ['nats://a?tokn=secret', /has the option "tokn": known are prefix, replicas, token/],
    ['nats://a?ca=/ca', /TLS options without TLS: begin it with nats\+tls/],
    ['nats+tls://a?cert=/c', /only one of cert and key/],
    ['nats+tls://a?tlsFirst=yes', /tlsFirst=yes: write true or false/],
    ['nats://a?prefix=', /has prefix=:/],
    ['nats://a?prefix=a..b', /has prefix=a\.\.b/],
    ['nats://a?prefix=.a', /has prefix/],
    ['nats://a?prefix=a.>', /has prefix/],
    [`nats://a?prefix=${'x'.repeat(65)}`, /has prefix/],
  ];
  for (const [text, words] of wrong) {
    test(`wrong: "${text.slice(0, 40)}" is refused in words without a secret`, () => {
      assert.throws(
        () => parseNatsUrl(text),
        (error) => {
          assert.ok(error instanceof BackplaneUnavailableError);
          assert.match(error.message, words);
          assert.ok(!error.message.includes('secret'), error.message);
          return true;
        },
      );
    });
  }

  test('addresses: of servers that a cluster tells of', () => {
    assert.deepEqual(parseAddress('10.0.0.1:4222'), { host: '10.0.0.1', port: 4222 });
    assert.deepEqual(parseAddress('[fe80::1]:1'), { host: 'fe80::1', port: 1 });
    for (const text of ['', 'a b', 'a:', 'a:99999', '::1']) {
      assert.equal(parseAddress(text), undefined, text);
    }
  });
});
