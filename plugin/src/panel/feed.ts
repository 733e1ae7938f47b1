// What the panel knows of the feed: types alone. The data source brings the thing itself.
export { type EventFilter, type FeedSource, type FeedUpdate, type Transport } from '../feed/source';
export {
  type Delivery,
  type DeliveryChange,
  type DeliveryState,
  type EventDetail,
  type EventPage,
  type FeedEvent,
  type JsonValue,
  type Severity,
} from '../feed/types';
