/** People of the chat in a real browser: each has a window of their own and does what users do. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';
import { waitFor } from '../support/wait.ts';

/** Generous: only a test that fails waits for it. */
export const deadlineMs = 60_000;

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** One window of one person. */
export class Window {
  readonly page: Page;
  /** What a user would never see: errors, and violations of the page's policy. */
  readonly faults: string[] = [];
  readonly #context: BrowserContext;
  readonly #name: string;

  private constructor(context: BrowserContext, page: Page, name: string) {
    this.#context = context;
    this.page = page;
    this.#name = name;
    page.setDefaultTimeout(deadlineMs);
    page.on('pageerror', (error) => this.faults.push(`${name}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.faults.push(`${name}: ${message.text()}`);
      }
    });
  }

  /** Opens the page; `name` is a first name. */
  static async open(
    browser: Browser,
    url: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<Window> {
    const context = await browser.newContext({
      viewport: { width: 1100, height: 720 },
      ...options,
    });
    const window = new Window(context, await context.newPage(), name);
    await window.page.goto(url);
    return window;
  }

  /** The same, signed in and connected. */
  static async signedIn(
    browser: Browser,
    url: string,
    name: string,
    options?: BrowserContextOptions,
  ): Promise<Window> {
    const window = await Window.open(browser, url, name, options);
    await window.signIn();
    return window;
  }

  /** Resolves when a node serves it. */
  async signIn(): Promise<void> {
    await this.page.getByRole('button', { name: new RegExp(`^${this.#name} `) }).click();
    await this.node();
  }

  /** The id of the node that serves it, when one does. */
  async node(): Promise<string> {
    const chip = this.page.locator('.node-chip[data-node]');
    return (await chip.getAttribute('data-node')) ?? '';
  }

  row(conversation: string): Locator {
    return this.page.locator(`.row[data-conversation="${conversation}"]`);
  }

  /** Opens a conversation and waits until its messages are there. */
  async openConversation(conversation: string): Promise<void> {
    await this.row(conversation).click();
    await this.page.locator(`[data-key="log-${conversation}"] .message`).first().waitFor();
  }

  async say(text: string): Promise<void> {
    const field = this.page.getByRole('textbox', { name: /^Message to/ });
    await field.fill(text);
    await field.press('Enter');
  }

  message(text: string): Locator {
    return this.page.locator('.message', { has: this.page.getByText(text, { exact: true }) });
  }

  /** The texts in the open conversation that begin so, as they are shown. */
  async texts(beginning: string): Promise<readonly string[]> {
    const all = await this.page.locator('.message .text').allInnerTexts();
    return all.filter((text) => text.startsWith(beginning));
  }

  toast(text: string): Locator {
    return this.page.locator('.toast', { hasText: text });
  }

  /** With the word for it, for instance "online". */
  async seesPresence(conversation: string, word: 'online' | 'offline'): Promise<void> {
    await this.row(conversation).locator(`.dot.${word}`).waitFor();
  }

  async openNotifications(): Promise<void> {
    await this.page.getByRole('button', { name: /^Notifications, / }).click();
    await this.page.getByRole('dialog', { name: 'Notifications' }).waitFor();
  }

  async unreadNotifications(count: number): Promise<void> {
    await this.page.getByRole('button', { name: `Notifications, ${count} unread` }).waitFor();
  }

  /** Presses Tab until the focus is on an element that matches. */
  async tabTo(selector: string): Promise<void> {
    for (let presses = 0; presses < 40; presses += 1) {
      await this.page.keyboard.press('Tab');
      if (await this.page.evaluate(`document.activeElement.matches('${selector}')`)) return;
    }
    assert.fail(`${this.#name}: forty times Tab did not lead to ${selector}`);
  }

  /** Fails when axe finds something serious. */
  async assertAccessible(what: string): Promise<void> {
    // Evaluated by the browser's debugger, which the policy of the page does not bind.
    await this.page.evaluate(readFileSync(axePath, 'utf8'));
    const found = await this.page.evaluate<Violation[]>(
      'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
    );
    const serious = found
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(serious, [], what);
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

/** Loads windows again until each is served by a node of its own. */
export async function spread(windows: readonly Window[]): Promise<readonly string[]> {
  return waitFor(
    async () => {
      const taken = new Map<string, Window>();
      for (const window of windows) {
        const node = await window.node();
        if (taken.has(node)) {
          await window.page.reload();
          await window.node();
          return undefined;
        }
        taken.set(node, window);
      }
      return [...taken.keys()];
    },
    { what: 'each window is on a node of its own', deadlineMs },
  );
}
