/**
 * A window with real tabs: one is visible and the others are in the background, as the browser
 * itself sees them. Playwright keeps each of its pages visible, so these are driven by the DevTools
 * protocol.
 */
import type { Browser, CDPSession } from 'playwright-core';
import { withDeadline } from '../support/wait.ts';

interface Reply {
  readonly id?: number;
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
  readonly error?: { readonly message: string };
}

const deadlineMs = 30_000;

/** Tabs of one window share storage, locks and workers with each other and with nobody else. */
export class BrowserWindow {
  readonly #session: CDPSession;
  readonly #context: string;
  readonly #replies = new Map<number, (reply: Reply) => void>();
  #asked = 0;
  #isOpen = false;

  private constructor(session: CDPSession, context: string) {
    this.#session = session;
    this.#context = context;
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      // A message of the DevTools protocol.
      const reply = JSON.parse(message) as Reply;
      if (reply.id !== undefined) this.#replies.get(reply.id)?.(reply);
    });
  }

  static async open(browser: Browser): Promise<BrowserWindow> {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send('Target.createBrowserContext');
    return new BrowserWindow(session, browserContextId);
  }

  /** Opens a tab, which is the visible one from now on. */
  async openTab(url: string): Promise<BrowserTab> {
    const { targetId } = await this.#session.send('Target.createTarget', {
      url,
      browserContextId: this.#context,
      newWindow: !this.#isOpen,
    });
    this.#isOpen = true;
    const { sessionId } = await this.#session.send('Target.attachToTarget', { targetId });
    return new BrowserTab({
      send: (method, params) => this.#send(sessionId, method, params),
      activate: () => this.#session.send('Target.activateTarget', { targetId }),
      close: () => this.#session.send('Target.closeTarget', { targetId }),
    });
  }

  async close(): Promise<void> {
    const browserContextId = this.#context;
    await this.#session.send('Target.disposeBrowserContext', { browserContextId });
    await this.#session.detach();
  }

  async #send(sessionId: string, method: string, params: object): Promise<Reply> {
    this.#asked += 1;
    const id = this.#asked;
    const replied = new Promise<Reply>((resolve) => {
      this.#replies.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    await this.#session.send('Target.sendMessageToTarget', { sessionId, message });
    try {
      return await withDeadline(replied, { what: `${method} was answered`, deadlineMs });
    } finally {
      this.#replies.delete(id);
    }
  }
}

interface TabParts {
  readonly send: (method: string, params: object) => Promise<Reply>;
  readonly activate: () => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

export class BrowserTab {
  readonly #parts: TabParts;

  constructor(parts: TabParts) {
    this.#parts = parts;
  }

  /** The value of the expression, or what its promise resolves with. @throws what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { error, result } = await this.#parts.send('Runtime.evaluate', params);
    const { exception } = result?.exceptionDetails ?? {};
    const trouble = error?.message ?? exception?.description;
    if (trouble !== undefined) throw new Error(trouble);
    return result?.result?.value;
  }

  /** Makes it the visible one. */
  async activate(): Promise<void> {
    await this.#parts.activate();
  }

  /** A page must be in the background for that. */
  async freeze(): Promise<void> {
    await this.#parts.send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  async thaw(): Promise<void> {
    await this.#parts.send('Page.setWebLifecycleState', { state: 'active' });
  }

  async setOffline(offline: boolean): Promise<void> {
    const conditions = { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await this.#parts.send('Network.enable', {});
    await this.#parts.send('Network.emulateNetworkConditions', conditions);
  }

  /** Its process is gone without a word. Nothing answers, so this waits for nothing. */
  crash(): void {
    this.#parts.send('Page.crash', {}).catch(() => undefined);
  }

  /** As a user closes it. */
  async close(): Promise<void> {
    await this.#parts.close();
  }
}
