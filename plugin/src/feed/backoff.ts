/** How long to wait before the next try: longer each time, and not the same for everybody. */
export class Backoff {
  private tries = 0;

  constructor(
    private readonly first: number,
    private readonly most: number,
    private readonly random: () => number = Math.random
  ) {}

  next(): number {
    const whole = Math.min(this.most, this.first * 2 ** this.tries);
    this.tries += 1;
    return whole * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.tries = 0;
  }
}
