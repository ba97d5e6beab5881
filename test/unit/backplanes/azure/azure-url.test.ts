/** Holds the reading of the URL and the connection string, and keeps keys out of messages. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endpointOf, parseAzureUrl } from '../../../../backplanes/azure/azure-url.ts';
import { BackplaneUnavailableError } from '../../../../backplanes/backplane.ts';

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof BackplaneUnavailableError);
    return error.message;
  }
  return 'nothing was thrown';
}

describe('azure url', () => {
  test('azure url: hub and shards have defaults', () => {
    const usual = { hub: 'trunkline', shards: 64 };
    for (const url of ['azure:', 'azure://', 'azure:///', 'AZURE://?']) {
      assert.deepEqual(parseAzureUrl(url), usual, url);
    }
    assert.deepEqual(parseAzureUrl('azure://?hub=eu_1&shards=8'), { hub: 'eu_1', shards: 8 });
  });

  test('azure url: what is wrong is named with a remedy', () => {
    for (const [url, expected] of [
      ['azure://?hub=1x', /hub=1x: use 1 to 128/],
      ['azure://?hub=a/b', /hub=a\/b/],
      ['azure://?shards=0', /shards=0: use 1 to 1024/],
      ['azure://?shards=1025', /shards=1025/],
      ['azure://?shards=8x', /shards=8x/],
      ['azure://?shard=8', /the option "shard": known are hub, shards/],
    ] as const) {
      assert.match(
        messageOf(() => parseAzureUrl(url)),
        expected,
      );
    }
  });

  test('azure url: a connection string in it is refused without being shown', () => {
    for (const url of ['azure://:pa55@h', 'azure://Endpoint=https://h;AccessKey=pa55;']) {
      const message = messageOf(() => parseAzureUrl(url));
      assert.match(message, /belong into TRUNKLINE_AZURE_CONNECTION_STRING/);
      assert.doesNotMatch(message, /pa55/);
    }
  });
});

describe('connection string', () => {
  test('connection string: the endpoint is read as the library of the service reads it', () => {
    for (const [text, expected] of [
      ['Endpoint=https://a.webpubsub.azure.com;AccessKey=k;Version=1.0;', 'a.webpubsub.azure.com'],
      ['accesskey=k;endpoint=http://localhost;Port=8080', 'localhost:8080'],
      ['Endpoint=localhost:8080;AccessKey=k=', 'localhost:8080'],
    ] as const) {
      assert.equal(endpointOf(text).host, expected);
    }
    assert.equal(endpointOf('Endpoint=h;AccessKey=k').protocol, 'https:');
  });

  test('connection string: what is missing is told, and the key is not', () => {
    for (const [text, expected] of [
      [undefined, /got none/],
      ['', /got none/],
      ['pa55', /got something without parts/],
      ['AccessKey=pa55', /got only AccessKey/],
      ['Endpoint=https://h;AccessKey=', /got only Endpoint/],
      ['Endpoint=http://:x;AccessKey=pa55', /that is a URL, got "http:\/\/:x"/],
    ] as const) {
      const message = messageOf(() => endpointOf(text));
      assert.match(message, expected);
      assert.doesNotMatch(message, /pa55/);
    }
  });
});
