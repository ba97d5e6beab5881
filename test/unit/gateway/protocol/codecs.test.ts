/** The choice of a subprotocol. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCodecs } from '../../../../gateway/protocol/codecs.ts';

const codecs = createCodecs({ jsonDepthMax: 64, nameLengthMax: 1024, metadataBytesMax: 8192 });

describe('codecs', () => {
  test('selectSubprotocol: ignores case and keeps the client’s spelling for the echo', () => {
    const selected = codecs.selectSubprotocol(['mqtt', ' JSON.WebPubSub.azure.v1']);
    assert.equal(selected?.codec.name, 'json.webpubsub.azure.v1');
    assert.equal(selected.offered, 'JSON.WebPubSub.azure.v1');
  });

  test('selectSubprotocol: connections of one subprotocol share one codec', () => {
    const [one, two] = [1, 2].map(() => codecs.selectSubprotocol(['json.webpubsub.azure.v1']));
    assert.ok(one !== undefined);
    assert.equal(one.codec, two?.codec);
  });

  test('names: Azure’s first, then our own, each of which says that it is', () => {
    const own = ['trunkline.v1.json', 'trunkline.v1.msgpack'];
    assert.equal(codecs.names[0], 'json.webpubsub.azure.v1');
    const native = codecs.names.filter(
      (name) => codecs.selectSubprotocol([name])?.codec.isNative === true,
    );
    assert.deepEqual(native, own);
  });

  test('selectSubprotocol: nothing known is undefined', () => {
    assert.equal(codecs.selectSubprotocol([]), undefined);
    assert.equal(codecs.selectSubprotocol(['mqtt', '']), undefined);
  });
});
