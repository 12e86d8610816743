"""The one fetcher of users' URLs: vets every hop and every address, connects to what it vetted, meters what comes."""
