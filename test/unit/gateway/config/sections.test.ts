/** Holds the hubs and issuers of the configuration file to their promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJsonText } from '../../../../gateway/config/json-text.ts';
import { plainHub, readHubs, readIssuers } from '../../../../gateway/config/sections.ts';

function asJson(value: unknown): ReturnType<typeof parseJsonText> {
  return parseJsonText(JSON.stringify(value));
}

const nameOf = (key: string): string => key;
const issuer = { issuer: 'https://id.example', audience: 'chat', jwks: 'https://id.example/jwks' };

describe('hubs', () => {
  test('readHubs: without the section, no hub takes clients without a token', () => {
    const { value, problems } = readHubs(undefined, nameOf);
    assert.deepEqual(problems, []);
    assert.deepEqual(Object.entries(value), [['*', plainHub]]);
  });

  test('readHubs: names fold to lower case and defaults are filled in', () => {
    const { value } = readHubs(asJson({ '*': { anonymous: true }, Chat: {} }), nameOf);
    assert.deepEqual(Object.entries(value), [
      ['*', { ...plainHub, anonymous: true }],
      ['chat', plainHub],
    ]);
  });

  test('readHubs: the result has no names but those of the file', () => {
    const { value } = readHubs(undefined, nameOf);
    assert.equal(value['constructor'], undefined);
    assert.equal(value['__proto__'], undefined);
  });

  test('readHubs: everything wrong is named', () => {
    const section = asJson({
      chat: { anonymous: 'yes' },
      CHAT: {},
      '1a': {},
      news: { anonymos: true },
      mail: 5,
    });
    assert.deepEqual(readHubs(section, nameOf).problems, [
      'hubs.chat.anonymous must be true or false, got "yes"',
      'hubs.CHAT is there twice: hub names do not depend on case',
      'hubs.1a must be a hub name (a letter, then letters, digits or _) or *',
      'hubs.news.anonymos is not a setting; did you mean anonymous?',
      'hubs.mail must be an object, got 5',
    ]);
    assert.equal(readHubs(asJson([]), nameOf).problems.length, 1);
  });
});

describe('issuers', () => {
  test('readIssuers: three fields are enough', () => {
    assert.deepEqual(readIssuers(asJson([issuer]), nameOf), {
      value: [
        { ...issuer, algorithms: ['RS256'], rolesClaim: 'role', groupsClaim: 'webpubsub.group' },
      ],
      problems: [],
    });
  });

  test('readIssuers: a symmetric or absent algorithm is refused', () => {
    for (const algorithms of [['HS256'], ['none'], []]) {
      const { problems } = readIssuers(asJson([{ ...issuer, algorithms }]), nameOf);
      assert.equal(problems.length, 1, String(algorithms));
    }
  });

  test('readIssuers: everything wrong is named, credentials unshown', () => {
    const section = asJson([
      { ...issuer, audience: undefined, jwks: 'https://u:pa55@id.example/' },
      { ...issuer, issuer: 'a', role: 'x' },
      issuer,
      issuer,
    ]);
    const { problems } = readIssuers(section, nameOf);
    assert.deepEqual(problems, [
      'issuers.0.audience must be a text, got nothing',
      'issuers.0.jwks must be an http(s) URL without user and password, or a path, ' +
        'got "https://***@id.example/"',
      'issuers.1.role is not a setting',
      'issuers.3.issuer must be there once, got "https://id.example"',
    ]);
  });
});
