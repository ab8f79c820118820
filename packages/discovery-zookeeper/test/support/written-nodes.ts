import type { DecodeContext, ZookeeperCodec } from "../../src/index.ts";

export const plain: DecodeContext = { service: "orders", endpointName: undefined, weightBase: undefined };

/** What a codec makes of one node. */
export function decode(
  codec: ZookeeperCodec,
  name: string,
  data: string,
  context: Partial<DecodeContext> = {},
): unknown {
  return codec.decode({ name, data: Buffer.from(data) }, { ...plain, ...context });
}

// As the frameworks themselves write them.

export const springNode =
  '{"name":"cloud-provider-payment","id":"585ddd0b-7d30-4225-afda-758f05b75c8f","address":"192.168.0.106","port":8004,"sslPort":null,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"application-1","name":"cloud-provider-payment","metadata":{"instance_status":"UP","zone":"z1"}},"registrationTimeUTC":1698197224917,"serviceType":"DYNAMIC","uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true}]}}';

export const dubboNode =
  '{"name":"provider","id":"169.254.48.63:20880","address":"10.0.0.63","port":20880,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"10.0.0.63:20880","name":"provider","metadata":{"dubbo.endpoints":"[{\\"port\\":20880,\\"protocol\\":\\"dubbo\\"},{\\"port\\":50051,\\"protocol\\":\\"tri\\"}]","dubbo.metadata.revision":"f82a9a864c1312de23931f28cdff177b","dubbo.metadata.storage-type":"local","timestamp":"1674997954786"}},"registrationTimeUTC":1674997956090,"serviceType":"DYNAMIC","uriSpec":null}';

export const triName =
  "tri%3A%2F%2F192.168.1.7%3A50051%2Forg.apache.dubbo.demo.TripleService%3Fanyhost%3Dtrue%26application%3Ddemo-provider%26deprecated%3Dfalse%26dubbo%3D2.0.2%26dynamic%3Dtrue%26group%3Dg1%26interface%3Dorg.apache.dubbo.demo.TripleService%26methods%3Dhello%26side%3Dprovider%26timestamp%3D1666705770994%26version%3D1.0.0%26weight%3D200";

export const kratosNode =
  '{"id":"h-1","name":"orders","version":"v1","metadata":{"zone":"a"},"endpoints":["grpc://10.0.0.4:9000?isSecure=false","http://10.0.0.4:8000?isSecure=false"]}';

export const goMicroNode =
  '{"name":"orders","version":"latest","metadata":null,"endpoints":[{"name":"Orders.Get","request":null}],"nodes":[{"id":"orders-77","address":"10.0.0.5:41231","metadata":{"protocol":"mucp","registry":"zookeeper"}}]}';

export const memberNode =
  '{"serviceEndpoint":{"host":"10.0.0.6","port":1000},"additionalEndpoints":{"http":{"host":"10.0.0.6","port":8080}},"status":"ALIVE","shard":42}';
