# frozen_string_literal: true

# One process, four threads, loopback only; port 0 lets the kernel choose a free one, which Puma prints.
bind "tcp://127.0.0.1:#{ENV.fetch("SHOP_PORT", "0")}"
threads 4, 4
environment "production"
tag "shop"
