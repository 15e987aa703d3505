export type Hold = { arrived: Promise<void>; release: () => void };

/** Stops requests one by one, for tests that need two of them under way at once. */
export class Gates {
  readonly #waiting: { arrive: () => void; released: Promise<void> }[] = [];

  hold(): Hold {
    const [arrived, arrive] = signal();
    const [released, release] = signal();
    this.#waiting.push({ arrive, released });
    return { arrived, release };
  }

  /** Ends at once unless a hold waits for a request. */
  async pass(): Promise<void> {
    const gate = this.#waiting.shift();
    gate?.arrive();
    await gate?.released;
  }
}

function signal(): [given: Promise<void>, give: () => void] {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => (give = resolve));
  return [given, () => give()];
}
