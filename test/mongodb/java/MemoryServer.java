import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

/**
 * A server of MongoDB's protocol: mongo-java-server, which keeps everything in memory. Listens on a free port of 127.0.0.1,
 * prints its URI as the first line, and ends when its standard input does.
 */
public class MemoryServer {
    public static void main(String[] arguments) throws Exception {
        MongoServer server = new MongoServer(new MemoryBackend());
        server.bind("127.0.0.1", 0);
        System.out.println("mongodb://127.0.0.1:" + server.getLocalAddress().getPort() + "/");
        while (System.in.read() >= 0) {
            continue;
        }
        server.shutdownNow();
    }
}
