/** A client of Azure's protobuf subprotocols, in the JSON mapping of its messages. */
import type { TestContext } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { FrameClient, type CloseEvent } from './frame-client.ts';
import {
  downstreamMessage,
  readProtobuf,
  upstreamMessage,
  writeProtobuf,
} from './protobuf-schema.ts';

export const protobufSubprotocol = 'protobuf.webpubsub.azure.v1';
export const protobufReliableSubprotocol = 'protobuf.reliable.webpubsub.azure.v1';

export class ProtobufClient {
  /** Every frame exactly as it was sent. */
  readonly raw: FrameClient;
  #ackId = 0;

  private constructor(raw: FrameClient) {
    this.raw = raw;
  }

  static async open(
    t: TestContext,
    url: string,
    subprotocol = protobufSubprotocol,
  ): Promise<ProtobufClient> {
    return new ProtobufClient(await FrameClient.open(t, url, { subprotocols: [subprotocol] }));
  }

  /** Sends an UpstreamMessage. */
  send(message: JsonObject): void {
    this.raw.send(writeProtobuf(upstreamMessage, message));
  }

  /** Sends it with an ack_id of its own and reads up to its ack, which must be the next frame. */
  async ask(kind: string, members: JsonObject): Promise<JsonObject> {
    this.#ackId += 1;
    this.send({ [kind]: { ...members, ackId: String(this.#ackId) } });
    return this.next();
  }

  /** The next DownstreamMessage. */
  async next(): Promise<JsonObject> {
    const frame = await this.raw.frames.next();
    if (typeof frame === 'string') throw new Error(`a text frame arrived: ${frame}`);
    return readProtobuf(downstreamMessage, frame);
  }

  async take(count: number): Promise<JsonObject[]> {
    const messages: JsonObject[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  closed(): Promise<CloseEvent> {
    return this.raw.closed();
  }
}
