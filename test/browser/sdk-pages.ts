/** A web server with a page that runs the SDK, and browser tabs that tell what they hear. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { projectRoot } from '../support/source-tree.ts';
import { waitFor } from '../support/wait.ts';
import type { BrowserTab, BrowserWindow } from './browser-window.ts';

/** Only tests that fail wait so long. */
const deadlineMs = 30_000;

/** How a page connects. */
export interface PageSettings {
  /** Of the gateway's client endpoint. */
  readonly url: string;
  /** `worker`: a SharedWorker; `leader`: a tab that leads; `own`: a connection per tab. */
  readonly mode: 'worker' | 'leader' | 'own';
  readonly group: string;
  /** True: it tries again after 30 s at the earliest, unless something hurries it. */
  readonly isPatient?: boolean | undefined;
}

/**
 * What runs in the page. `heard` has what came, in order; `states` what the connection did, with
 * the reason.
 */
const program = `
const settings = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const { isPatient = false, mode, url, group: name } = settings;
const workerUrl = mode === 'worker' ? '/tabs-worker.js' : undefined;
const shared = mode === 'own' ? {} : { WebSocket: sdk.sharedByTabs({ workerUrl }) };
window.heard = [];
window.states = [];
window.errors = [];
window.client = sdk.createClient({
  url,
  getToken: async ({ reason }) => (await fetch('/token?reason=' + reason)).text(),
  backoffBaseMs: isPatient ? 60000 : 50,
  backoffCapMs: 60000,
  environment: { random: () => 0.5 },
  ...shared,
});
client.on('state', ({ reason, state }) => states.push(reason + ' ' + state));
client.on('error', (error) => errors.push(String(error)));
window.room = client.group(name);
room.on('message', ({ data }) => heard.push(data));
room.on('gap', ({ reason }) => heard.push('gap ' + reason));
`;

async function bundle(entry: Pick<BuildOptions, 'entryPoints' | 'stdin'>): Promise<string> {
  const { outputFiles } = await build({
    ...entry,
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'sdk',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

/** Serves the page, the worker's script, and tokens. */
export class SdkPages {
  /** Why tokens were asked for. */
  readonly tokenReasons: string[] = [];
  readonly #server: Server;

  private constructor(scripts: ReadonlyMap<string, string>, tokenFor: (reason: string) => string) {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page.example');
      const script = scripts.get(pathname);
      if (pathname === '/token') {
        const reason = searchParams.get('reason') ?? '';
        this.tokenReasons.push(reason);
        response.end(tokenFor(reason));
      } else if (pathname === '/') {
        response.setHeader('content-type', 'text/html');
        response.end('<!doctype html><title>Tab</title><script src="/page.js"></script>');
      } else if (script === undefined) {
        response.statusCode = 404;
        response.end();
      } else {
        response.setHeader('content-type', 'text/javascript');
        response.end(script);
      }
    });
  }

  /** `tokenFor` is asked by every tab. */
  static async start(tokenFor: (reason: string) => string): Promise<SdkPages> {
    const resolveDir = join(projectRoot(), 'client-sdk/src');
    const contents = "export * from './index.ts'; export * from './tabs/index.ts';";
    const [sdk, worker] = await Promise.all([
      bundle({ stdin: { contents, resolveDir, loader: 'ts' } }),
      bundle({ entryPoints: [join(resolveDir, 'tabs/worker.ts')] }),
    ]);
    const scripts = new Map([
      ['/page.js', `${sdk}\n${program}`],
      ['/tabs-worker.js', worker],
    ]);
    const pages = new SdkPages(scripts, tokenFor);
    pages.#server.listen(0, '127.0.0.1');
    await once(pages.#server, 'listening');
    return pages;
  }

  /** Opens a tab; resolves when its group is live. */
  async open(window: BrowserWindow, settings: PageSettings): Promise<SdkTab> {
    // A server that listens on a port has such an address.
    const { port } = this.#server.address() as AddressInfo;
    const hash = encodeURIComponent(JSON.stringify(settings));
    const tab = new SdkTab(await window.openTab(`http://127.0.0.1:${port}/#${hash}`));
    await tab.waitUntilLive();
    return tab;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

export class SdkTab {
  readonly tab: BrowserTab;

  constructor(tab: BrowserTab) {
    this.tab = tab;
  }

  heard(): Promise<readonly unknown[]> {
    return this.#list('heard');
  }

  states(): Promise<readonly unknown[]> {
    return this.#list('states');
  }

  errors(): Promise<readonly unknown[]> {
    return this.#list('errors');
  }

  /** Resolves when the broker has accepted it. */
  async publish(data: unknown, options: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const args = [data, options].map((value) => JSON.stringify(value)).join(', ');
    await this.tab.evaluate(`room.publish(${args}).then(() => undefined)`);
  }

  async waitUntilLive(): Promise<void> {
    await this.waitUntil("globalThis.room?.state === 'live' && client.state === 'connected'");
  }

  /** Resolves when it has heard so much. */
  async waitUntilHeard(count: number): Promise<void> {
    await this.waitUntil(`heard.length >= ${count}`);
  }

  /** Resolves when the expression is true in the page. */
  async waitUntil(expression: string): Promise<void> {
    const isTrue = async (): Promise<boolean> => (await this.tab.evaluate(expression)) === true;
    await waitFor(isTrue, { what: `${expression} in the tab`, deadlineMs });
  }

  async #list(name: string): Promise<readonly unknown[]> {
    // The page's program has these lists.
    return (await this.tab.evaluate(name)) as readonly unknown[];
  }
}
