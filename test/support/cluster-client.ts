/** What tests ask of a cluster through its balancer: clients in a group, and publishing to it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { nodeOfConnection } from '../../gateway/router/keys.ts';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from './frame-client.ts';

export interface Entrance {
  readonly url: string;
  readonly accessKey: string;
  /** By which the nodes know themselves, where it is not the URL. */
  readonly endpoint?: string;
}

export interface ClusterClient {
  readonly frames: FrameClient;
  /** The node that has the connection. */
  readonly nodeId: string;
}

const hub = 'cluster';

/** A client that is a member of the group when this resolves. */
export async function joinThrough(
  t: TestContext,
  { url, accessKey, endpoint = url }: Entrance,
  group: string,
): Promise<ClusterClient> {
  const token = signClientToken({ accessKey, endpoint, hub, userId: 'anna', groups: [group] });
  const frames = await FrameClient.open(t, clientUrl(url, hub, token), {
    subprotocols: ['json.webpubsub.azure.v1'],
  });
  const connected = await frames.nextJson();
  assert.ok(typeof connected === 'object' && connected !== null && 'connectionId' in connected);
  return { frames, nodeId: nodeOfConnection(String(connected.connectionId)) ?? '' };
}

/** Publishes by the REST API; resolves with the status. */
export async function publishThrough(
  { url, accessKey, endpoint = url }: Entrance,
  group: string,
  text: string,
): Promise<number> {
  const path = `/api/hubs/${hub}/groups/${group}/:send?api-version=2024-12-01`;
  const authorization = `Bearer ${signServerToken({ accessKey, url: endpoint + path })}`;
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/plain' },
    body: text,
  });
  await response.body?.cancel();
  return response.status;
}

/** The data of the next frame, which must be a message to the group. */
export async function nextMessage({ frames }: ClusterClient): Promise<unknown> {
  const frame = await frames.nextJson();
  assert.ok(typeof frame === 'object' && frame !== null && 'data' in frame, JSON.stringify(frame));
  return frame.data;
}
