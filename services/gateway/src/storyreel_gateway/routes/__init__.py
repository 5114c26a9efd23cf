"""HTTP by subject. A route checks who asks, asks the domain and the ports, and answers; it decides nothing itself."""
