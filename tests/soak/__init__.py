"""Long runs that try to make the bot lose something; `make soak`. The short forms are tests."""
