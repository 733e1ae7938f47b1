// A dashboard's committed JSON, as far as it is drawn here.
import { type DataTransformerConfig, type FieldConfigSource } from '@grafana/data';

export interface SourceRef {
  type: string;
  uid: string;
}

export interface Target {
  refId: string;
  datasource: SourceRef;
  [option: string]: unknown;
}

export interface PanelJson {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  interval?: string;
  transformations?: DataTransformerConfig[];
  fieldConfig?: FieldConfigSource;
  options?: Record<string, unknown>;
}

export interface VariableJson {
  name: string;
  label?: string;
  type: string;
  query?: unknown;
  datasource?: SourceRef;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  current?: { value?: string | string[]; text?: string | string[] };
}

export interface BoardJson {
  uid: string;
  title: string;
  time: { from: string; to: string };
  panels: PanelJson[];
  templating: { list: VariableJson[] };
}
