/** What a stream has retained in the end, as the REST API tells it: the truth that clients are held to. */
import { signServerToken } from '../../gateway/tokens/sign.ts';
import { parsePositionText } from '../../gateway/protocol/position-text.ts';
import type { Access } from '../support/raw-client.ts';
import { hub } from './resuming-client.ts';

export interface HistoryEntry {
  /** What its publisher wrote into it. */
  readonly id: string;
  readonly offset: number;
}

export interface StreamHistory {
  readonly stream: string;
  readonly epoch: string;
  /** False: retention has dropped some. */
  readonly isComplete: boolean;
  /** Oldest first. */
  readonly entries: readonly HistoryEntry[];
}

const pageLimit = 1000;
const requestMsMax = 15_000;

interface Page {
  readonly messages: readonly { readonly offset: number; readonly data: { readonly id: string } }[];
  readonly isComplete: boolean;
  readonly position: string;
  readonly nextLink?: string;
}

/** @throws Error when the gateway does not answer with the history. */
export async function readHistory(
  { accessKey, url }: Access,
  endpoint: string,
  stream: string,
): Promise<StreamHistory> {
  const [kind, name] = stream.split(':');
  let path = `/api/hubs/${hub}/${kind}s/${name}/history?api-version=2024-12-01&limit=${pageLimit}`;
  const entries: HistoryEntry[] = [];
  let isComplete = true;
  for (;;) {
    const token = signServerToken({ accessKey, url: endpoint + path });
    const response = await fetch(url + path, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(requestMsMax),
    });
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`history of ${stream}: ${response.status} ${text}`);
    // The answer of the gateway's own API.
    const page = JSON.parse(text) as Page;
    for (const { data, offset } of page.messages) entries.push({ id: data.id, offset });
    isComplete &&= page.isComplete;
    if (page.nextLink === undefined) {
      const epoch = parsePositionText(page.position)?.epoch ?? '';
      return { stream, epoch, isComplete, entries };
    }
    const next = new URL(page.nextLink);
    path = next.pathname + next.search;
  }
}
