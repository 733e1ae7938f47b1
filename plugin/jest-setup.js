// Jest setup provided by Grafana scaffolding
import './.config/jest-setup';

// Comboboxes measure their options; nothing is drawn here.
HTMLCanvasElement.prototype.getContext = () => ({ font: '', measureText: (text) => ({ width: 8 * text.length }) });
